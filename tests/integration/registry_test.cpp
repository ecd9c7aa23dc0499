// SPDX-License-Identifier: Apache-2.0
// The tenant cache against a real control database whose reads are counted and can be slowed down.
#include "registry_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("registry: a tenant is read once and then known, by slug and by id", "[integration]") {
    registry_house f;
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
    CHECK(acme.password.empty());
    CHECK(acme.sealed_password.empty());
    CHECK(acme.key_version == 1);
    CHECK(acme.limits == tenancy::tenant_limits{});
    for (int i = 0; i < 10; ++i) CHECK(f.find("acme").value() == *first);
    CHECK(f.loads() == 1);
    for (int i = 0; i < 3; ++i) CHECK(must_end(f.house.spawn(look_up_id(f.tenants, f.id))).value() == *first);
    CHECK(f.loads() == 1);
    CHECK(must_end(f.house.spawn(ask_tenant(f.tenants, *first, "select current_user::text"))) == f.role);
}

TEST_CASE("registry: however many requests wait, one query answers them", "[integration]") {
    registry_house f;
    f.slow_down(0.3);
    std::vector<std::future<found>> all;
    for (int i = 0; i < 100; ++i) all.push_back(f.begin("acme"));
    const auto first = must_end(std::move(all[0]));
    REQUIRE(first);
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(must_end(std::move(all[i])).value() == *first);
    CHECK(f.loads() == 1);
}

TEST_CASE("registry: an unknown tenant is remembered for a short time", "[integration]") {
    registry_house f({.unknown_fresh = 400ms});
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
    registry_house f;
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
    registry_house f({.fresh_unfed = 1ms, .usable = 3s, .pause = 100ms});
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
    registry_house f({.fresh_unfed = 1ms, .pause = 60s});
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
    registry_house f({.fresh_unfed = 1ms});
    const auto before = f.find("acme").value();
    const auto session =
        must_end(f.house.spawn(ask_tenant(f.tenants, before, "select pg_backend_pid()::text")));
    CHECK(session);
    f.change_password("second");
    std::this_thread::sleep_for(10ms);
    const auto after = f.find("acme").value();
    const auto other = must_end(f.house.spawn(ask_tenant(f.tenants, after, "select pg_backend_pid()::text")));
    CHECK(other);
    CHECK(other != session);
    CHECK(comes_true([&] { return f.house.usage().connections == 0; }));
}

TEST_CASE("registry: a password that cannot be opened is an unavailable tenant", "[integration]") {
    registry_house f;
    f.execute(fmt::format("update tenants_behind set role_password_sealed = '{}'",
                          f.box.seal("x", "somebody else")));
    CHECK(word(f.find("acme")) == "unavailable");
}

TEST_CASE("registry: invented slugs do not displace known tenants", "[integration]") {
    registry_house f({.most_unknown = 8});
    const auto acme = f.find("acme").value();
    for (int i = 0; i < 50; ++i) CHECK(word(f.find(fmt::format("invented-{}", i))) == "tenant-unknown");
    CHECK(f.find("acme").value() == acme);
    CHECK(f.loads() == 51);
}

TEST_CASE("registry: when it is full, who was used longest ago is forgotten", "[integration]") {
    registry_house f({.most_entries = 2});
    f.add_tenant("second");
    f.add_tenant("third");
    REQUIRE(f.find("acme"));
    REQUIRE(f.find("second"));
    REQUIRE(f.find("acme"));
    REQUIRE(f.find("third"));
    CHECK(f.loads() == 3);
    REQUIRE(f.find("acme"));
    CHECK(f.loads() == 3);
    REQUIRE(f.find("second"));
    CHECK(f.loads() == 4);
    CHECK(f.house.on_reactor([&] { return f.tenants.size(); }) == 2);
}

TEST_CASE("registry: an answer that a change has overtaken is not used", "[integration]") {
    registry_house f;
    f.slow_down(0.3);
    auto loading = f.begin("acme");
    REQUIRE(comes_true([&] { return f.loads() == 1; }));  // it has read, and takes its time to answer
    f.set_status("suspended");
    f.change(tenant_status::suspended);
    const auto seen = must_end(std::move(loading));
    REQUIRE(seen);
    CHECK((*seen)->status == tenant_status::suspended);
    CHECK(f.loads() == 2);
}

TEST_CASE("registry: a change of another tenant disturbs no load", "[integration]") {
    registry_house f;
    f.slow_down(0.3);
    auto loading = f.begin("acme");
    REQUIRE(comes_true([&] { return f.loads() == 1; }));
    f.house.on_reactor([&] { f.tenants.on_change({uuid::generate(), tenant_status::active, 1}); });
    CHECK(must_end(std::move(loading)));
    CHECK(f.loads() == 1);
}

TEST_CASE("registry: an announcement older than what was read changes nothing", "[integration]") {
    registry_house f({.fresh = 60s});
    f.set_status("suspended");
    f.set_status("active");
    const auto known = f.find("acme").value();
    REQUIRE(known->revision == 2);
    auto asked = f.ask(known, "select pg_sleep(0.2)::text");
    for (const std::int64_t revision : {1, 2})
        f.house.on_reactor([&] { f.tenants.on_change({f.id, tenant_status::suspended, revision}); });
    CHECK(must_end(std::move(asked)));
    CHECK(f.find("acme").value()->status == tenant_status::active);
    CHECK(f.loads() == 1);
    f.house.on_reactor([&] { f.tenants.on_change({f.id, tenant_status::suspended, 3}); });
    CHECK(f.find_id().value()->status == tenant_status::active);  // asked again
    CHECK(f.loads() == 2);
}

TEST_CASE("registry: without the feed entries are asked for again sooner, and all of them when it begins",
          "[integration]") {
    registry_house f({.fresh = 60s, .fresh_unfed = 200ms});
    const auto told = [&](bool listening) { f.house.on_reactor([&] { f.tenants.on_feed(listening); }); };
    told(true);
    REQUIRE(f.find("acme"));
    REQUIRE(f.find("acme"));
    CHECK(f.loads() == 1);
    told(false);
    CHECK(comes_true([&] { return f.find("acme") && f.loads() >= 3; }));
    told(true);
    const auto before = f.loads();
    REQUIRE(f.find("acme"));
    CHECK(f.loads() == before + 1);
    REQUIRE(f.find_id());
    CHECK(f.loads() == before + 1);
}

}  // namespace
}  // namespace bulkhead::testing
