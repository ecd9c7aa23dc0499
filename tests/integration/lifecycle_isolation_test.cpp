// SPDX-License-Identifier: Apache-2.0
// What the two roles of a tenant can do, and where they cannot go: over TCP with a password, as pg_hba.conf
// lets everybody in.
#include <atomic>
#include <thread>

#include "lifecycle/servers.hpp"
#include "lifecycle/spares.hpp"
#include "lifecycle/template_database.hpp"
#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {
namespace {

constexpr std::string_view insufficient_privilege = "42501";

TEST_CASE("isolation: neither role of a tenant enters any other database of the server", "[integration]") {
    tenant_house f;
    REQUIRE(lifecycle::close_server(f.control));
    auto at = f.site();
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    const auto one = f.make("one"), two = f.make("two"), gone = f.make("gone");
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    REQUIRE(
        f.control.run("update tenants set status = 'deleted', deleted_at = now(), purge_after = now() "
                      "where id = $1",
                      {gone.id}));
    REQUIRE(lifecycle::put_away(f.control, gone.database, lifecycle::deleted_database_name(gone.id)));

    // Every database of the server, but for those that belong to the tests themselves.
    const auto databases = f.list(
        "select datname from pg_database where datname = current_database() or not "
        "(datname ~ '^test_' or datname = 'bulkhead')");
    for (const auto& name :
         {f.admin.dbname, std::string("postgres"), std::string("template1"), std::string("template0"),
          two.database, lifecycle::deleted_database_name(gone.id)})
        CHECK(std::ranges::find(databases, name) != databases.end());
    CHECK(f.count("select count(*) from spare_databases where ready") == 1);

    for (const auto& login : {f.application_login(one), f.owner_login(one)}) {
        CHECK(login.host == "127.0.0.1");
        for (const auto& name : databases) {
            INFO(login.user << " in " << name);
            postgres::database_error why;
            const auto inside = session::open(login.with_database(name), connecting, {}, &why);
            CHECK(inside.has_value() == (name == one.database));
            // It was let in by pg_hba.conf and its password; the database itself refuses it.
            if (!inside)
                CHECK((why.message.ends_with("does not have CONNECT privilege.") ||
                       why.message.ends_with("is not currently accepting connections")));
        }
    }
    // Nor with somebody else's password.
    CHECK_FALSE(
        session::open(f.application_login(one).with_login(one.database, one.role, two.password), connecting));
    CHECK_FALSE(session::open(f.application_login(one).with_login(one.database, one.owner_role, one.password),
                              connecting));
}

TEST_CASE("isolation: everybody else is kept out of a tenant's database", "[integration]") {
    tenant_house f;
    const auto one = f.make("one");
    const auto rights = f.control
                            .run(
                                "select datname, has_database_privilege('public', oid, 'CONNECT'), "
                                "has_database_privilege('public', oid, 'TEMPORARY') from pg_database where "
                                "datname = $1",
                                {one.database})
                            .value();
    CHECK_FALSE(rights.boolean(0, 1));
    CHECK_FALSE(rights.boolean(0, 2));
    // Not even the template, from which a copy takes nothing of this.
    CHECK(f.list("select datname from pg_database where datname ~ '^bulkhead_' and "
                 "(has_database_privilege('public', oid, 'CONNECT') or "
                 "has_database_privilege('public', oid, 'TEMPORARY'))") == std::vector<std::string>{});
    CHECK(f.list("select datname from pg_database where datname ~ '^bulkhead_template_' and datallowconn") ==
          std::vector<std::string>{});
    CHECK(f.list("select rolname from pg_roles where rolname ~ '^bulkhead_t_' and (rolsuper or rolcreatedb "
                 "or rolcreaterole or rolreplication or rolbypassrls)") == std::vector<std::string>{});
    CHECK(f.list("select rolname from pg_roles where rolname ~ '^bulkhead_template' and rolcanlogin") ==
          std::vector<std::string>{});
}

TEST_CASE("isolation: the application works with data only, the owner with the schema", "[integration]") {
    tenant_house f;
    const auto one = f.make("one"), two = f.make("two");
    auto app = f.as_application(one);
    CHECK(
        app.run("insert into users (id, email, name, password_hash) values "
                "(gen_random_uuid(), 'a@b.test', 'n', 'h')"));
    CHECK(app.run("select * from schema_migrations"));
    for (const std::string& forbidden :
         {std::string("create table x (a int)"), std::string("create schema x"),
          std::string("create temp table x (a int)"), std::string("alter table users add x int"),
          std::string("drop table tasks"), std::string("truncate users"),
          std::string("delete from schema_migrations"), std::string("create role x"),
          std::string("create database x"), std::string("create extension dblink"),
          std::string("copy users to program 'true'"), std::string("select pg_read_file('postmaster.pid')"),
          fmt::format("set role \"{}\"", one.owner_role), fmt::format("set role \"{}\"", two.role),
          fmt::format("alter role \"{}\" nologin", two.role),
          fmt::format("alter database \"{}\" rename to x", two.database)}) {
        INFO(forbidden);
        CHECK_FALSE(app.run(forbidden));
        CHECK(app.last_sqlstate() == insufficient_privilege);
    }

    auto owner = f.as_owner(one);
    CHECK(owner.run("create table later (a serial, b text)"));
    CHECK(app.run("insert into later (b) values ('x')"));
    CHECK(owner.run("alter table users add column later text"));
    CHECK(owner.run("create index on users (later)"));
    CHECK(owner.run("create schema more"));
    for (const std::string& forbidden :
         {std::string("create role x"), std::string("create database x"),
          fmt::format("set role \"{}\"", two.owner_role), fmt::format("drop database \"{}\"", two.database),
          fmt::format("alter database \"{}\" allow_connections false", two.database),
          fmt::format("grant connect on database \"{}\" to \"{}\"", two.database, one.owner_role)}) {
        INFO(forbidden);
        CHECK_FALSE(owner.run(forbidden));
        CHECK(owner.last_sqlstate() == insufficient_privilege);
    }
    auto admin = f.as_admin(one);
    const auto owners = admin.run(
        "select distinct pg_get_userbyid(relowner) from pg_class c join "
        "pg_namespace n on n.oid = relnamespace where nspname = 'public'");
    REQUIRE(owners);
    CHECK(owners->size() == 1);
    CHECK(owners->text(0, 0) == one.owner_role);
}

TEST_CASE("isolation: the roles' limits are in force", "[integration]") {
    tenant_house f;
    f.settings.connection_limit = 2;
    const auto one = f.make("one");
    auto first = f.as_application(one), second = f.as_application(one);
    postgres::database_error why;
    CHECK_FALSE(session::open(f.application_login(one), connecting, {}, &why));
    CHECK(why.message.find("too many connections") != why.message.npos);

    CHECK(first.run("show statement_timeout").value().text(0, 0) == "1min");
    CHECK(first.run("show idle_in_transaction_session_timeout").value().text(0, 0) == "1min");
    auto owner = f.as_owner(one);
    CHECK(owner.run("show statement_timeout").value().text(0, 0) == "0");
    CHECK(owner.run("show idle_in_transaction_session_timeout").value().text(0, 0) == "10min");
    CHECK(f.control.run("select rolconnlimit from pg_roles where rolname = $1", {one.owner_role})
              .value()
              .integer(0, 0) == 10);

    // What they end: the same settings, shorter.
    for (const std::string_view name : {"statement_timeout", "idle_in_transaction_session_timeout"})
        REQUIRE(f.control.run(fmt::format("alter role \"{}\" in database \"{}\" set {} = '100ms'", one.role,
                                          one.database, name)));
    first = f.as_admin(one);
    second = f.as_application(one);
    CHECK_FALSE(second.run("select pg_sleep(20)"));
    CHECK(second.last_sqlstate() == "57014");
    REQUIRE(second.run("begin"));
    const auto end = std::chrono::steady_clock::now() + connecting;
    const auto alive = [&] {
        return !first.run("select 1 from pg_stat_activity where usename = $1", {one.role}).value().empty();
    };
    while (alive() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(20ms);
    CHECK_FALSE(alive());
}

TEST_CASE("isolation: nobody enters a database while it is being made", "[integration]") {
    tenant_house f;
    const auto stranger = f.make("stranger");
    std::atomic<bool> over = false;
    std::atomic<int> tries = 0, entered = 0;
    // A role with a password, at every database that appears: between any two statements of the creation.
    std::thread knocking([&] {
        auto watching = session::open(f.admin, connecting).value();
        const auto login = f.application_login(stranger);
        while (!over) {
            const auto found = watching.run(
                "select datname from pg_database where datname ~ '^bulkhead_(t|template)_' and "
                "datname <> $1",
                {stranger.database});
            for (std::size_t i = 0; found && i < found->size() && !over; ++i, ++tries)
                if (session::open(login.with_database(std::string(found->text(i, 0))), connecting)) ++entered;
        }
    });
    for (int i = 0; i < 5; ++i) (void)f.make(fmt::format("busy-{}", i));
    over = true;
    knocking.join();
    CHECK(tries > 0);
    CHECK(entered == 0);

    // And at every statement, without luck: what the server says after each step.
    auto at = f.site();
    at.on_step = [&](std::string_view step) {
        INFO("before " << step);
        CHECK(f.list("select datname from pg_database where datname ~ '^bulkhead_t' and datallowconn and "
                     "has_database_privilege('public', oid, 'CONNECT')") == std::vector<std::string>{});
    };
    CHECK(f.create(at, "watched"));
}

}  // namespace
}  // namespace bulkhead::testing
