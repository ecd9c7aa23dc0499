// SPDX-License-Identifier: Apache-2.0
// The exports of one user. Made from that user's context: every statement is limited to it.
#pragma once

#include "auth/user_context.hpp"
#include "features/exports/model.hpp"
#include "persistence/postgres/database.hpp"

namespace bulkhead::exports {

class repository {
public:
    explicit repository(const auth::user_context& owner) : db_(owner.db()), user_(owner.id()) {}

    /// errc::not_found when the user has no such export, or has it no more.
    awaitable<result<data_export>> find(uuid id) const;

    /// How many are being made, or wait for that.
    awaitable<result<std::int64_t>> under_way() const;

    struct finished {
        uuid file;
        file_format format;
        utc_time created_at;
    };
    /// errc::not_found as above, errc::conflict for one that has no file (yet).
    awaitable<result<finished>> file_of(uuid id) const;

private:
    postgres::database db_;
    uuid user_;
};

}  // namespace bulkhead::exports
