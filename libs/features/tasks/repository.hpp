// SPDX-License-Identifier: Apache-2.0
// The tasks of one user. Made from that user's context: every statement is limited to it. What changes is
// told to the tenant's webhooks.
#pragma once

#include <optional>

#include "auth/user_context.hpp"
#include "features/tasks/model.hpp"
#include "persistence/postgres/database.hpp"

namespace bulkhead::tasks {

/// The version that a change expects; nullopt: any.
using expected_version = std::optional<std::int64_t>;

class repository {
public:
    explicit repository(const auth::user_context& owner)
        : tenant_(owner.tenant()), db_(owner.db()), user_(owner.id()) {}

    /// One page, and the cursor of the next if there is one. errc::validation_failed for a bad cursor.
    awaitable<result<task_page>> list(list_query query) const;

    /// errc::not_found when the user has no such task; so do the others.
    awaitable<result<task>> find(uuid id) const;

    awaitable<result<task>> add(task_input input) const;

    /// All members anew. errc::precondition_failed when the task has another version than `expected`.
    awaitable<result<task>> replace(uuid id, task_input input, expected_version expected) const;
    /// The members that the patch names.
    awaitable<result<task>> change(uuid id, task_patch patch, expected_version expected) const;
    awaitable<result<>> remove(uuid id, expected_version expected) const;

private:
    awaitable<result<task>> changed(result<postgres::result_set> rows, uuid id) const;

    const tenancy::tenant_context& tenant_;  // of the owner's context, which outlives this object
    postgres::database db_;
    uuid user_;
};

}  // namespace bulkhead::tasks
