// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

namespace bulkhead::auth {

awaitable<result<std::string>> passwords::hash(secret password) const {
    auto work = [this, password = std::move(password)] { return hasher_.hash(password); };
    co_return co_await pool_.run(std::move(work));
}

awaitable<result<password_hasher::verdict>> passwords::verify(secret password,
                                                              std::optional<std::string> stored) const {
    auto work = [this, password = std::move(password), stored = std::move(stored)] {
        auto verdict = hasher_.verify(password, stored ? std::string_view(*stored) : hasher_.dummy_hash());
        verdict.matches = verdict.matches && stored.has_value();
        return verdict;
    };
    co_return co_await pool_.run(std::move(work));
}

}  // namespace bulkhead::auth
