// SPDX-License-Identifier: Apache-2.0
// The users of one tenant, in its own database.
#pragma once

#include <optional>
#include <string>

#include "features/accounts/model.hpp"
#include "persistence/postgres/database.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::accounts {

/// A user with what only the server may see.
struct account {
    accounts::user user;
    std::string password_hash;
    bool disabled = false;
};

class repository {
public:
    explicit repository(const tenancy::tenant_context& within)
        : tenant_(within), db_(within.db()), limit_(within.info().limits.users) {}

    /// errc::email_taken when another user has the address, errc::quota_exceeded when the tenant has as many
    /// users as its limits allow.
    awaitable<result<user>> add(std::string email, std::string name, std::string password_hash) const;

    awaitable<result<std::optional<account>>> find_by_email(std::string email) const;
    awaitable<result<std::optional<account>>> find(uuid id) const;

    /// Notes a login; `new_hash` replaces an outdated password hash, unless another one than `known_hash` has
    /// been stored meanwhile.
    awaitable<result<>> record_login(uuid id, std::string known_hash,
                                     std::optional<std::string> new_hash) const;

private:
    const tenancy::tenant_context& tenant_;  // outlives this object
    postgres::database db_;
    std::optional<tenancy::quota> limit_;  // of users
};

}  // namespace bulkhead::accounts
