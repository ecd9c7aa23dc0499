// SPDX-License-Identifier: Apache-2.0
// Makes a tenant: a row, two roles, a database, its first user. From a database made in advance when there is
// one. Blocking, up to seconds; one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "lifecycle/credentials.hpp"
#include "lifecycle/operation.hpp"
#include "tenancy/limits.hpp"

namespace bulkhead::lifecycle {

/// The first user, made with role `owner`.
struct owner_account {
    std::string email;  // stored in lower case
    std::string name;
    std::string password_hash;
};

struct new_tenant {
    std::string slug;
    std::string name;  // 1 to 200 characters
    std::optional<owner_account> owner{};
    tenancy::tenant_limits limits{};
    std::string server{};  // where to put it; empty: the one with the fewest tenants of those that accept any
};

/// errc::validation_failed names what is wrong with slug, name or owner.
result<void> check(const new_tenant& wanted);

/// Writes the row of a tenant that is about to be made. errc::conflict when the slug is taken,
/// errc::validation_failed for an unknown server.
result<void> insert_tenant(const site& at, const uuid& id, const new_tenant& wanted, std::string_view server,
                           const credentials& of);

/// Takes the slug and records the work; then nobody else can have it. errc::conflict when it is taken.
result<operation> begin_creation(site& at, const new_tenant& wanted);

/// Does what begin_creation recorded, or what is left of it. See run_saga.
result<operation> continue_creation(site& at, const operation& begun);

}  // namespace bulkhead::lifecycle
