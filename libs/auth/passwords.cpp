// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

#include <cstdint>
#include <utility>

namespace bulkhead::auth {
namespace {

std::unexpected<error> too_many() {
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "too many passwords are being checked",
                                 .retry_after = std::chrono::seconds{1}});
}

}  // namespace

void passwords::note(steady_clock::time_point began) const {
    if (seconds_) seconds_->observe(std::chrono::duration<double>(steady_clock::now() - began).count());
}

/// While others wait, a thread is not spent on what would come too late, as the last ones went. When nobody
/// does it is tried all the same: that is how it becomes known that hashes are quicker now.
bool passwords::worth_it(runtime::deadline limit, bool queued) const {
    const auto others = pool_.waiting();
    const auto rounds = 1 + (queued ? others / pool_.threads() : 0);
    if (others == 0) return !limit.passed();
    return steady_clock::now() + pace_.load() * static_cast<std::int64_t>(rounds) < limit.at();
}

template <class T, class Work>
awaitable<result<T>> passwords::run(Work work, runtime::deadline limit) const {
    if (!worth_it(limit, true)) co_return too_many();
    auto timed = [this, limit, work = std::move(work)]() -> std::optional<T> {
        if (!worth_it(limit, false)) return std::nullopt;
        const auto began = steady_clock::now();
        auto done = work();
        const auto took = steady_clock::now() - began;
        const auto known = pace_.load();
        pace_ = known.count() == 0 ? took : (known * 3 + took) / 4;  // two that write at once: either will do
        return done;
    };
    const auto asked = steady_clock::now();
    auto done = co_await pool_.run(std::move(timed));
    note(asked);
    if (!done) co_return std::unexpected(std::move(done.error()));
    if (!*done) co_return too_many();
    co_return std::move(**done);
}

awaitable<result<std::string>> passwords::hash(secret password, runtime::deadline limit) const {
    auto work = [this, password = std::move(password)] { return hasher_.hash(password); };
    co_return co_await run<std::string>(std::move(work), limit);
}

awaitable<result<password_hasher::verdict>> passwords::verify(secret password,
                                                              std::optional<std::string> stored,
                                                              runtime::deadline limit) const {
    auto work = [this, password = std::move(password), stored = std::move(stored)] {
        auto verdict = hasher_.verify(password, stored ? std::string_view(*stored) : hasher_.dummy_hash());
        verdict.matches = verdict.matches && stored.has_value();
        return verdict;
    };
    co_return co_await run<password_hasher::verdict>(std::move(work), limit);
}

}  // namespace bulkhead::auth
