// SPDX-License-Identifier: Apache-2.0
// Pools through a real PgBouncer in transaction mode: sessions change hands after every operation, and nobody
// notices.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "persistence/postgres/scram.hpp"
#include "pool_fixture.hpp"
#include "support/pgbouncer.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::testing {
namespace {

using postgres::database;
using postgres::query;

/// Two databases with a role each, as tenants have them.
struct tenant_login {
    std::string name = fresh_database_name();  // of the database and of its role
    postgres::conninfo target = target_of(name).with_login(name, name, secret("password of " + name));

    explicit tenant_login(int statement_timeout_ms = 0, servers& servers = shared_servers()) {
        const auto verifier = postgres::scram_verifier(target.password.reveal(), 1).value();
        if (&servers != &shared_servers()) servers.execute("bulkhead", "create database " + name);
        servers.execute(name, fmt::format("create role {} login password '{}'", name, verifier));
        servers.execute(name, "revoke connect on database " + name + " from public");
        servers.execute(name, fmt::format("grant connect on database {0} to {0}", name));
        servers.execute(name, fmt::format("grant create on schema public to {}", name));
        if (statement_timeout_ms > 0)
            servers.execute(
                name, fmt::format("alter role {} set statement_timeout = {}", name, statement_timeout_ms));
    }
};

struct fixture {
    std::optional<pgbouncer> between{std::in_place, shared_servers()};
    pool_house house;

    explicit fixture(postgres::pool_settings settings = {}) : house(routed(std::move(settings))) {}
    ~fixture() {
        house.stop();
        between.reset();  // it would keep its sessions at the server
    }

    postgres::pool_settings routed(postgres::pool_settings settings) const {
        const auto server = target_of("bulkhead");
        settings.pooler = postgres::pooler{between->host(), between->port(), server.host, server.port};
        return settings;
    }
    std::future<text_result> begin(const tenant_login& of, std::string sql, intent kind = intent::read,
                                   std::chrono::milliseconds time = 20s) {
        return house.spawn(ask(house.pool(of.target), std::move(sql), kind, time));
    }
    text_result ask_one(const tenant_login& of, std::string sql, intent kind = intent::read) {
        return must_end(begin(of, std::move(sql), kind));
    }
    bool recovers(const tenant_login& of) {
        return comes_true([&] { return ask_one(of, "select 'x'") == "x"; }, 15s);
    }
};

awaitable<std::vector<std::string>> mixed(database db, int client, int rounds) {
    std::vector<std::string> wrong;
    const std::string insert = "insert into seen values ($1, $2, $3)";
    // Several statements under their own texts, small and larger than a packet buffer of PgBouncer.
    for (int i = 0; i < rounds; ++i) {
        const std::string value(i % 7 == 0 ? 20'000 : 10, static_cast<char>('a' + client % 26));
        const auto sql = fmt::format("select $1::text || '-{}' || current_user", i % 5);
        const auto read = co_await db.read(std::string_view(sql), value);
        const auto expected = fmt::format("{}-{}", value, i % 5);
        if (!read)
            wrong.push_back(word(read));
        else if (!(*read)[0].get<std::string>(0).starts_with(expected))
            wrong.push_back("another's answer");
        if (i % 3 != 0) continue;
        std::vector<query> both{{std::string_view(insert), postgres::parameters::of(client, i, value)},
                                {std::string_view(insert), postgres::parameters::of(client, -i - 1, value)}};
        const auto written = co_await db.write_all(std::move(both));
        if (!written) wrong.push_back(word(written));
    }
    co_return wrong;
}

TEST_CASE("pgbouncer: tenants of their own roles, reads and writes from many coroutines", "[integration]") {
    fixture f({.budget = 12, .per_database = 6});
    std::vector<tenant_login> tenants(3);
    for (auto& each : tenants)
        REQUIRE(f.ask_one(each, "create table seen (client int, round int, value text)", intent::write));
    constexpr int clients = 20, rounds = 60;
    std::vector<std::future<std::vector<std::string>>> all;
    for (auto& each : tenants)
        for (int i = 0; i < clients; ++i)
            all.push_back(
                f.house.spawn(mixed({f.house.pool(each.target), runtime::deadline::in(60s)}, i, rounds)));
    std::map<std::string, int> wrong;
    for (auto& each : all)
        for (const auto& one : must_end(std::move(each))) ++wrong[one];
    for (const auto& [what, count] : wrong) FAIL_CHECK(what << " " << count);
    for (auto& each : tenants) {
        CHECK(f.ask_one(each, "select current_user || current_database()") == each.name + each.name);
        CHECK(shared_servers().execute(each.name,
                                       "select count(*) || ' ' || count(distinct (client, round)) "
                                       "from seen") == fmt::format("{0} {0}", clients * rounds / 3 * 2));
    }
    // Through the pooler, and only there: at most its pool for each tenant.
    CHECK(
        std::stoi(shared_servers().execute(
            "bulkhead", fmt::format("select count(*) from pg_stat_activity where usename in ('{}','{}','{}')",
                                    tenants[0].name, tenants[1].name, tenants[2].name))) <= 12);
}

awaitable<result<std::vector<postgres::result_set>>> write_both(database db, std::string first,
                                                                std::string second) {
    std::vector<query> both{{std::string_view(first), {}}, {std::string_view(second), {}}};
    co_return co_await db.write_all(std::move(both));
}

TEST_CASE("pgbouncer: several statements take effect together or not at all", "[integration]") {
    fixture f;
    const tenant_login tenant;
    REQUIRE(f.ask_one(tenant, "create table t (id int primary key)", intent::write));
    const auto write = [&](std::string first, std::string second) {
        return must_end(f.house.spawn(write_both({f.house.pool(tenant.target), runtime::deadline::in(20s)},
                                                 std::move(first), std::move(second))));
    };
    CHECK(write("insert into t values (1)", "insert into t values (2)"));
    CHECK(word(write("insert into t values (3)", "insert into t values (1)")) == "conflict");
    CHECK(word(write("insert into t values (2)", "insert into t values (4)")) == "conflict");
    CHECK(f.ask_one(tenant, "select string_agg(id::text, ',' order by id) from t") == "1,2");
}

TEST_CASE("pgbouncer: a role's statement timeout holds, and ends one statement only", "[integration]") {
    fixture f;
    const tenant_login tenant(300);
    auto slow = f.begin(tenant, "select pg_sleep(20)::text");
    auto quick = f.begin(tenant, "select 'x'");
    CHECK(must_end(std::move(quick)) == "x");
    CHECK_FALSE(must_end(std::move(slow)));
    CHECK(f.ask_one(tenant, "select 'x'") == "x");
}

TEST_CASE("pgbouncer: a restart of the server behind it, and of itself, is over soon", "[integration]") {
    fixture f;
    const tenant_login tenant;
    REQUIRE(f.ask_one(tenant, "select 'x'") == "x");
    shared_servers().stop_postgres();
    CHECK_FALSE(f.ask_one(tenant, "select 'x'", intent::write));
    shared_servers().start_postgres();
    CHECK(f.recovers(tenant));
    f.between->restart();
    CHECK(f.recovers(tenant));
}

TEST_CASE("pgbouncer: other servers are reached directly", "[integration]") {
    fixture f;
    const tenant_login tenant;
    const auto port_of_peer = [&](const postgres::conninfo& target) {
        return must_end(f.house.spawn(ask(f.house.pool(target),
                                          "select application_name from pg_stat_activity where pid = "
                                          "pg_backend_pid()",
                                          intent::read, 20s)));
    };
    auto elsewhere = tenant.target;
    elsewhere.host = "localhost";
    CHECK(port_of_peer(tenant.target) == f.house.name());
    CHECK(port_of_peer(elsewhere) == f.house.name());
    std::set<std::string> seen;
    for (const auto& each : f.house.on_reactor([&] { return f.house.pools().report(); }).pools)
        seen.insert(each.target);
    CHECK(seen == std::set<std::string>{fmt::format("{0}@127.0.0.1:{1}/{0}", tenant.name, f.between->port()),
                                        fmt::format("{0}@localhost:{1}/{0}", tenant.name, elsewhere.port)});
}

TEST_CASE("pgbouncer: that of another server, for its tenants", "[integration]") {
    servers other;
    const pgbouncer before_other(other);
    fixture f({.session = {.statement_timeout = 5s}, .budget = 12, .per_database = 6});
    const tenant_login login(0, other);
    auto control = target_of("bulkhead");  // what is there for its own server must not reach the other one
    control.extra = {{"hostaddr", "127.0.0.9"}, {"options", "-c geqo=off"}};
    const auto server = postgres::parse_database_url(other.database_url()).value();
    tenancy::tenant tenant{.server = {.host = server.host, .port = server.port},
                           .database = login.name,
                           .role = login.name,
                           .password = login.target.password};
    const auto ask_tenant = [&](std::string sql, intent kind) {
        return must_end(f.house.spawn(
            ask(f.house.pool(tenancy::tenant_conninfo(control, tenant)), std::move(sql), kind, 20s)));
    };
    REQUIRE(ask_tenant("create table seen (client int, round int, value text)", intent::write));
    tenant.server.pooler_host = before_other.host();
    tenant.server.pooler_port = before_other.port();
    CHECK(ask_tenant("select current_user || current_database()", intent::read) == login.name + login.name);
    std::vector<std::future<std::vector<std::string>>> all;
    const auto pool = f.house.pool(tenancy::tenant_conninfo(control, tenant));
    for (int i = 0; i < 20; ++i)
        all.push_back(f.house.spawn(mixed({pool, runtime::deadline::in(60s)}, i, 30)));
    for (auto& each : all) CHECK(must_end(std::move(each)).empty());
    CHECK(other.execute(login.name, "select count(*)::text from seen") == std::to_string(20 * 30 / 3 * 2));
    const auto known = f.house.on_reactor([&] { return f.house.pools().report(); }).pools;
    CHECK(std::ranges::any_of(known, [&](const auto& each) {
        return each.target == fmt::format("{0}@127.0.0.1:{1}/{0}", login.name, before_other.port());
    }));
    f.house.stop();  // before the servers
}

}  // namespace
}  // namespace bulkhead::testing
