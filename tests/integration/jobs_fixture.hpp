// SPDX-License-Identifier: Apache-2.0
// A tenant's database with the table of jobs, and what tests ask of it from their own thread.
#pragma once

#include <string>
#include <vector>

#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "pool_fixture.hpp"
#include "queue/job_store.hpp"

namespace bulkhead::testing {

using queue::job_failure_record;
using queue::job_store;
using queue::lane;
using queue::new_job;

inline void make_tenant_schema(const std::string& database) {
    auto admin = postgres::session::open(target_of(database), 5s).value();
    REQUIRE(migrations::apply(admin, migrations::tenant_migrations().value()));
}

inline new_job job_for(std::string kind = "test.work", std::string unique_key = {}) {
    new_job out;
    out.kind = std::move(kind);
    out.payload = R"({"n":1})";
    out.unique_key = std::move(unique_key);
    return out;
}

struct jobs_house {
    pool_house house;
    std::string name = fresh_database_name();
    uuid tenant = uuid::generate();

    explicit jobs_house(postgres::pool_settings settings = {}) : house(std::move(settings)) {
        make_tenant_schema(name);
    }

    postgres::database db(std::chrono::milliseconds time = 20s) {
        return {house.pool(target_of(name)), runtime::deadline::in(time)};
    }
    job_store store(std::chrono::milliseconds time = 20s) { return job_store(db(time)); }

    template <class T>
    T run(awaitable<T> work) {
        return must_end(house.spawn(std::move(work)));
    }
    std::string execute(const std::string& sql) const { return shared_servers().execute(name, sql); }

    /// The row's columns, as the server writes them.
    [[nodiscard]] std::string row(const uuid& id, const std::string& columns) const {
        return execute(
            fmt::format("select concat_ws(' ', {}) from jobs where id = '{}'", columns, id.to_string()));
    }
    [[nodiscard]] int count(const std::string& where = "true") const {
        return std::stoi(execute("select count(*) from jobs where " + where));
    }
};

/// Inserts by itself; false: an open job has its key, or it is there.
inline awaitable<result<bool>> insert_job(postgres::database db, new_job what) {
    auto statement = job_store::insert(what);
    const auto rows = co_await db.write(statement.what, std::move(statement.with));
    if (!rows) co_return std::unexpected(rows.error());
    co_return !rows->empty();
}

}  // namespace bulkhead::testing
