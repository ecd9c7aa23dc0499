// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

namespace bulkhead::auth {
namespace {

/// The work's value; nullopt, which means that its turn came too late, as an error.
template <class T>
result<T> in_time(result<std::optional<T>> done) {
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return std::move(**done);
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "too many passwords are being checked",
                                 .retry_after = std::chrono::seconds{1}});
}

}  // namespace

void passwords::note(steady_clock::time_point began) const {
    if (seconds_) seconds_->observe(std::chrono::duration<double>(steady_clock::now() - began).count());
}

awaitable<result<std::string>> passwords::hash(secret password, runtime::deadline limit) const {
    auto work = [this, limit, password = std::move(password)]() -> std::optional<std::string> {
        if (limit.passed()) return std::nullopt;
        return hasher_.hash(password);
    };
    const auto began = steady_clock::now();
    auto done = co_await pool_.run(std::move(work));
    note(began);
    co_return in_time(std::move(done));
}

awaitable<result<password_hasher::verdict>> passwords::verify(secret password,
                                                              std::optional<std::string> stored,
                                                              runtime::deadline limit) const {
    auto work = [this, limit, password = std::move(password),
                 stored = std::move(stored)]() -> std::optional<password_hasher::verdict> {
        if (limit.passed()) return std::nullopt;
        auto verdict = hasher_.verify(password, stored ? std::string_view(*stored) : hasher_.dummy_hash());
        verdict.matches = verdict.matches && stored.has_value();
        return verdict;
    };
    const auto began = steady_clock::now();
    auto done = co_await pool_.run(std::move(work));
    note(began);
    co_return in_time(std::move(done));
}

}  // namespace bulkhead::auth
