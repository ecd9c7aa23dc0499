// SPDX-License-Identifier: Apache-2.0
// The jobs that a user may see: their own ones, for owners and administrators all of the tenant's. Made from
// the user's context: every statement is limited so.
#pragma once

#include <optional>

#include "auth/user_context.hpp"
#include "features/jobs/model.hpp"
#include "persistence/postgres/database.hpp"
#include "queue/kind.hpp"

namespace bulkhead::jobs {

class repository {
public:
    explicit repository(const auth::user_context& caller);

    /// One page, and the cursor of the next if there is one. errc::validation_failed for a bad cursor.
    awaitable<result<job_page>> list(list_query query) const;

    /// errc::not_found when there is none that the user may see.
    awaitable<result<job>> find(uuid id) const;

    /// Ends one that waits, asks one that runs to end; `where` it was. errc::conflict when it has ended.
    struct cancellation {
        job now;
        queue::lane where;
        bool at_once;  // it waited
    };
    awaitable<result<cancellation>> cancel(uuid id) const;

private:
    postgres::database db_;
    std::optional<uuid> only_;  // jobs of this user; nullopt: of everybody
};

}  // namespace bulkhead::jobs
