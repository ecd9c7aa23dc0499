// SPDX-License-Identifier: Apache-2.0
// The tenant cache against a real control database whose reads are counted and can be slowed down.
#include "tenancy/registry.hpp"

#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "pool_fixture.hpp"

namespace bulkhead::tenancy {
namespace {

using namespace testing;
using found = result<std::shared_ptr<const tenant>>;

// Everybody who reads tenants goes through a function that counts and, when told so, sleeps.
constexpr auto counted_tenants = R"(
alter table tenants rename to tenants_behind;
create sequence loads;
create table delay (seconds float8 not null);
insert into delay values (0);
create function counted_tenants() returns setof tenants_behind language plpgsql volatile as $$
begin
    perform nextval('loads');
    perform pg_sleep((select seconds from delay));
    return query select * from tenants_behind;
end
$$;
create view tenants as select * from counted_tenants();
)";

awaitable<found> look_up(registry& in, std::string slug, std::chrono::milliseconds time) {
    co_return co_await in.by_slug(std::move(slug), runtime::deadline::in(time));
}

awaitable<found> look_up_id(registry& in, uuid id) {
    co_return co_await in.by_id(id, runtime::deadline::in(10s));
}

awaitable<text_result> ask_tenant(registry& in, std::shared_ptr<const tenant> of, std::string sql) {
    const auto db = in.open(*of, runtime::deadline::in(5s));
    auto rows = co_await db.read(std::string_view(sql));
    if (!rows) co_return text_result(std::move(rows.error()));
    co_return text_result((*rows)[0].get<std::string>(0));
}

struct fixture {
    std::string name = fresh_database_name();
    postgres::conninfo control = target_of(name);
    sealed_box box{secret(std::string(32, 'k'))};
    uuid id = uuid::generate();
    std::string role = "role_of_" + name;
    pool_house house{{.connect_timeout = 1000ms, .idle_close = 500ms}};
    registry tenants;

    explicit fixture(registry_settings settings = {}) : tenants(house.pools(), control, box, settings) {
        auto admin = postgres::session::open(control, 5s).value();
        REQUIRE(migrations::apply(admin, migrations::control_migrations().value()));
        execute(counted_tenants);
        execute(fmt::format("create role {} login password 'first'", role));
        execute(
            fmt::format("insert into tenants_behind (id, slug, name, status, server_id, database, role_name, "
                        "role_password_sealed) "
                        "select '{}', 'acme', 'Acme', 'active', id, '{}', '{}', '{}' from servers",
                        id.to_string(), name, role, box.seal("first", id.to_string())));
    }
    // The registry's coroutines end before it does.
    ~fixture() { house.stop(); }

    std::string execute(const std::string& sql) const { return shared_servers().execute(name, sql); }
    void slow_down(double seconds) const { execute(fmt::format("update delay set seconds = {}", seconds)); }
    [[nodiscard]] int loads() const {
        return std::stoi(execute("select case when is_called then last_value else 0 end from loads"));
    }
    std::future<found> begin(std::string slug, std::chrono::milliseconds time = 10s) {
        return house.spawn(look_up(tenants, std::move(slug), time));
    }
    found find(std::string slug, std::chrono::milliseconds time = 10s) {
        return must_end(begin(std::move(slug), time));
    }
    void change_password(const std::string& password) const {
        execute(fmt::format("alter role {} password '{}'", role, password));
        execute(fmt::format("update tenants_behind set role_password_sealed = '{}'",
                            box.seal(password, id.to_string())));
    }
};

TEST_CASE("registry: a tenant is read once and then known, by slug and by id", "[integration]") {
    fixture f;
    const auto first = f.find("acme");
    REQUIRE(first);
    const auto& acme = **first;
    CHECK(acme.id == f.id);
    CHECK(acme.slug == "acme");
    CHECK(acme.name == "Acme");
    CHECK(acme.status == tenant_status::active);
    CHECK(acme.server.name == "control");
    CHECK(acme.server.host.empty());
    CHECK(acme.database == f.name);
    CHECK(acme.role == f.role);
    CHECK(acme.password.reveal() == "first");
    CHECK(acme.key_version == 1);
    CHECK(acme.limits == tenant_limits{});
    for (int i = 0; i < 10; ++i) CHECK(f.find("acme").value() == *first);
    CHECK(f.loads() == 1);
    for (int i = 0; i < 3; ++i)
        CHECK(must_end(f.house.spawn(look_up_id(f.tenants, f.id))).value()->slug == "acme");
    CHECK(f.loads() == 2);
    CHECK(must_end(f.house.spawn(ask_tenant(f.tenants, *first, "select current_user::text"))) == f.role);
}

TEST_CASE("registry: however many requests wait, one query answers them", "[integration]") {
    fixture f;
    f.slow_down(0.3);
    std::vector<std::future<found>> all;
    for (int i = 0; i < 100; ++i) all.push_back(f.begin("acme"));
    const auto first = must_end(std::move(all[0]));
    REQUIRE(first);
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(must_end(std::move(all[i])).value() == *first);
    CHECK(f.loads() == 1);
}

TEST_CASE("registry: an unknown tenant is remembered for a short time", "[integration]") {
    fixture f({.unknown_fresh = 400ms});
    std::vector<std::future<found>> all;
    for (int i = 0; i < 20; ++i) all.push_back(f.begin("nobody"));
    for (auto& each : all) CHECK(word(must_end(std::move(each))) == "tenant-unknown");
    CHECK(word(f.find("nobody")) == "tenant-unknown");
    CHECK(f.loads() == 1);
    f.execute("update tenants_behind set slug = 'nobody'");
    CHECK(comes_true([&] { return f.find("nobody").has_value(); }, 2s));
    CHECK(f.loads() == 2);
}

TEST_CASE("registry: a waiter keeps its own deadline, and outlives a loader's", "[integration]") {
    fixture f;
    f.slow_down(1);
    const auto began = steady_clock::now();
    auto loader = f.begin("acme");
    CHECK(word(f.find("acme", 200ms)) == "unavailable");
    CHECK(steady_clock::now() - began < 600ms);
    CHECK(must_end(std::move(loader)));

    f.execute("update tenants_behind set slug = 'other'");
    auto hasty = f.begin("other", 300ms);
    auto patient = f.begin("other", 10s);
    CHECK(word(must_end(std::move(hasty))) == "deadline-exceeded");
    CHECK(word(must_end(std::move(patient))) == "ok");
}

TEST_CASE("registry: while the control database is away known tenants work and others are refused",
          "[integration]") {
    fixture f({.fresh = 1ms, .usable = 3s, .pause = 100ms});
    REQUIRE(f.find("acme"));
    shared_servers().stop_postgres();
    struct guard {
        ~guard() { shared_servers().start_postgres(); }
    };
    {
        const guard at_the_end;
        for (int i = 0; i < 20; ++i) {
            const auto began = steady_clock::now();
            CHECK(word(f.find("acme")) == "ok");
            CHECK(word(f.find("stranger")) == "unavailable");
            CHECK(steady_clock::now() - began < 1s);
            std::this_thread::sleep_for(20ms);
        }
        CHECK(comes_true([&] { return word(f.find("acme")) == "unavailable"; }));  // not for ever
    }
    CHECK(comes_true([&] { return f.find("acme").has_value(); }, 2s));
}

TEST_CASE("registry: an entry that is merely old spares the control database while it is slow to fail",
          "[integration]") {
    fixture f({.fresh = 1ms, .pause = 60s});
    REQUIRE(f.find("acme"));
    f.slow_down(30);
    CHECK(word(f.find("acme", 300ms)) == "ok");  // at the end of its patience
    const auto began = steady_clock::now();
    for (int i = 0; i < 10; ++i) CHECK(word(f.find("acme", 300ms)) == "ok");
    CHECK(steady_clock::now() - began < 200ms);
    f.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%from tenants%' and pid <> "
        "pg_backend_pid()");
}

TEST_CASE("registry: new credentials mean a new pool", "[integration]") {
    fixture f({.fresh = 1ms});
    const auto before = f.find("acme").value();
    const auto session =
        must_end(f.house.spawn(ask_tenant(f.tenants, before, "select pg_backend_pid()::text")));
    CHECK(session);
    f.change_password("second");
    std::this_thread::sleep_for(10ms);
    const auto after = f.find("acme").value();
    CHECK(after->password.reveal() == "second");
    const auto other = must_end(f.house.spawn(ask_tenant(f.tenants, after, "select pg_backend_pid()::text")));
    CHECK(other);
    CHECK(other != session);
    // The old pool still serves requests that began with it, and goes when it falls idle.
    CHECK(must_end(f.house.spawn(ask_tenant(f.tenants, before, "select pg_backend_pid()::text"))) == session);
    CHECK(comes_true([&] { return f.house.usage().connections == 0; }));
}

TEST_CASE("registry: a password that cannot be opened is an unavailable tenant", "[integration]") {
    fixture f;
    f.execute(fmt::format("update tenants_behind set role_password_sealed = '{}'",
                          f.box.seal("x", "somebody else")));
    CHECK(word(f.find("acme")) == "unavailable");
}

TEST_CASE("registry: invented slugs do not displace known tenants", "[integration]") {
    fixture f({.most_entries = 8});
    const auto acme = f.find("acme").value();
    for (int i = 0; i < 50; ++i) CHECK(word(f.find(fmt::format("invented-{}", i))) == "tenant-unknown");
    CHECK(f.find("acme").value() == acme);
    CHECK(f.loads() == 51);
}

}  // namespace
}  // namespace bulkhead::tenancy
