// SPDX-License-Identifier: Apache-2.0
// Tenants that are copied: clone, export and import, move between two servers, with data that are hard to
// copy. The second server is shared by the program's tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lifecycle/clone.hpp"
#include "lifecycle/dump.hpp"
#include "lifecycle/import.hpp"
#include "lifecycle/move.hpp"
#include "lifecycle/servers.hpp"
#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {

/// The server that tenants are moved to.
inline servers& other_server() {
    static servers instance;
    return instance;
}

struct copy_house : tenant_house {
    copy_house() {
        const auto login = postgres::parse_database_url(other_server().database_url()).value();
        REQUIRE(lifecycle::add_server(site(), "other", login));
        REQUIRE(lifecycle::accept_tenants(site(), "other", false));
        other_before = other_orphans();
        folder =
            std::filesystem::temp_directory_path() / fmt::format("copies-{}", uuid::generate().to_compact());
        std::filesystem::create_directory(folder);
    }
    copy_house(const copy_house&) = delete;
    copy_house& operator=(const copy_house&) = delete;
    ~copy_house() { std::filesystem::remove_all(folder); }

    [[nodiscard]] std::string file(std::string_view name) const { return (folder / name).string(); }

    /// What tenants left on the other server, beside those of other tests.
    [[nodiscard]] static std::string other_orphans() {
        return other_server().execute(
            "bulkhead",
            "select coalesce(string_agg(name, ' ' order by name), '') from "
            "(select datname as name from pg_database where datname ~ '^bulkhead_(t|deleted)_' "
            "union all select rolname from pg_roles where rolname ~ '^bulkhead_t_') all_names");
    }

    [[nodiscard]] operation clone(std::string_view source, const std::string& slug) {
        auto at = site();
        const auto begun = lifecycle::begin_clone(at, source, {.slug = slug, .name = ""});
        REQUIRE(begun);
        const auto done = lifecycle::continue_work(at, *begun);
        REQUIRE(done);
        return *done;
    }
    [[nodiscard]] result<operation> import(const std::string& path, const std::string& slug) {
        auto at = site();
        const auto begun = lifecycle::begin_import(at, path, {.slug = slug, .name = ""});
        return begun ? lifecycle::continue_work(at, *begun) : begun;
    }
    [[nodiscard]] operation move(std::string_view slug, std::chrono::milliseconds max_pause = 300s) {
        auto at = site();
        const auto begun = lifecycle::begin_move(at, slug, "other", max_pause);
        REQUIRE(begun);
        const auto done = lifecycle::continue_work(at, *begun);
        REQUIRE(done);
        return *done;
    }

    /// The server takes a moment to notice that a session's process is gone.
    [[nodiscard]] operation continue_after_kill(lifecycle::site& at, const operation& begun) {
        const auto until = std::chrono::steady_clock::now() + connecting;
        for (;;) {
            auto done = lifecycle::continue_work(at, begun);
            const bool locked = !done && done.error().code == errc::conflict;
            if (!locked || std::chrono::steady_clock::now() > until) REQUIRE(done);
            if (done) return *done;
            std::this_thread::sleep_for(10ms);
        }
    }

    /// Everything that a dump could lose or change.
    void fill(const tenant& one, int tasks) const {
        auto data = as_application(one);
        REQUIRE(
            data.run("insert into users (id, email, name, password_hash) select gen_random_uuid(), "
                     "'user' || i || '@x.test', U&'\\+01F680 \\00FC\\4E2D\\0301 ' || i, 'h' "
                     "from generate_series(1, 50) i"));
        REQUIRE(
            data.run("insert into tasks (id, user_id, title, description, priority, created_at) "
                     "select gen_random_uuid(), (select id from users order by email limit 1), "
                     "U&'t\\00E4sk \\+01F4A5 ' || i, repeat('back\\slash ''quote'' tab\t', i % 20), "
                     "i % 3, '2024-02-29T12:34:56.789012Z' from generate_series(1, $1::int) i",
                     {tasks}));
        REQUIRE(
            data.run("insert into jobs (id, kind, lane, payload, most_attempts) "
                     "values (gen_random_uuid(), 'test.open', 1, '{}', 1)"));
        REQUIRE(
            data.run("insert into webhooks (id, url, events, sealed_secret) values (gen_random_uuid(), "
                     "'https://receiver.example/', '{task.created}', 's')"));
        REQUIRE(
            data.run("insert into webhook_deliveries (id, webhook_id, event, body) "
                     "select gen_random_uuid(), id, 'task.created', '{}' from webhooks"));
        auto owner = as_owner(one);
        REQUIRE(owner.run_script(
            "create table counters (id bigint primary key generated always as identity, n serial, "
            "half numeric generated always as (n / 2.0) stored, payload bytea, at timestamptz, j jsonb, "
            "f float8);"
            "insert into counters (payload, at, j, f) select decode('00ff5c0a', 'hex'), 'infinity', "
            "'{\"a\": [1, null, \"\\u00e4\"]}', 'NaN' from generate_series(1, 500);"
            "alter sequence counters_n_seq increment by 7;"
            "create table sessions (id int primary key, secret text);"
            "insert into sessions values (1, 'of this tenant only');"
            "create view busy as select count(*) from tasks where not completed;"
            "create index tasks_by_month on tasks (date_trunc('month', created_at at time zone 'UTC'));"));
        REQUIRE(lifecycle::grant_application(owner, one.role));
    }

    /// Every row of every table, in one hash for each table; of those that stay behind, none.
    [[nodiscard]] std::vector<std::string> contents(
        const tenant& one, lifecycle::dump_contents which = lifecycle::dump_contents::everything) const {
        auto owner = session::open(owner_login(one), connecting).value();
        std::vector<std::string> out;
        const auto tables = lifecycle::count_rows(owner);
        REQUIRE(tables);
        for (const auto& table : *tables) {
            const auto named = [&](std::string_view name) {
                return table.table == fmt::format("public.{}", name);
            };
            if (which == lifecycle::dump_contents::transferable &&
                std::ranges::any_of(lifecycle::private_tables(), named))
                continue;
            const auto hash = owner.run(fmt::format(
                "select count(*) || \' \' || coalesce(sum(hashtextextended(t::text, 0)), 0) from {} t",
                table.table));
            REQUIRE(hash);
            out.push_back(fmt::format("{} {}", table.table, hash->text(0, 0)));
        }
        return out;
    }

    /// The copy takes part in life: rights, defaults, sequences that go on where the source's were.
    void check_alive(const tenant& one) {
        auto data = as_application(one);
        const auto next = data.run("insert into counters (payload) values ('x') returning id, n");
        REQUIRE(next);
        CHECK(next->integer(0, 0) == 501);
        CHECK(next->integer(0, 1) == 507);
        REQUIRE(data.run("delete from counters where id = 501"));
        CHECK(data.run("select * from busy")->size() == 1);
        CHECK_FALSE(data.run("create table x (a int)"));
        CHECK_FALSE(data.run("delete from schema_migrations"));
        auto owner = as_owner(one);
        CHECK(owner.run("create table later (a serial)"));
        CHECK(data.run("insert into later default values"));
        CHECK(owner.run("drop table later"));
        CHECK(owner.run("select 1 from pg_class where relname = 'tasks' and reltuples > 0")->size() == 1);
    }

    std::filesystem::path folder;
    std::string other_before;
};

}  // namespace bulkhead::testing
