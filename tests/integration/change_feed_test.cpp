// SPDX-License-Identifier: Apache-2.0
// From a commit in the control database to the registries and pools of a process, over a real connection that
// is cut and held up.
#include "tenancy/change_feed.hpp"

#include <signal.h>

#include "registry_fixture.hpp"

namespace bulkhead::testing {
namespace {

/// A registry that hears of changes, with a name of its own for the session that listens.
class fed_house : public registry_house {
public:
    explicit fed_house(registry_settings settings = {}) : registry_house(settings) {
        feed.tell(house.where(), tenants);
        house.on_reactor([this] { feed.start(); });
        CHECK(comes_true([this] { return is_up(); }));
    }
    ~fed_house() {
        house.on_reactor([this] { feed.stop(); });
        CHECK(comes_true([this] { return listener_pid() == 0; }));
    }

    bool is_up() { return counts.render().find("bulkhead_tenant_feed_up 1\n") != std::string::npos; }
    [[nodiscard]] pid_t listener_pid() const {
        const auto pid = execute(fmt::format(
            "select pid::text from pg_stat_activity where application_name = '{}'", session_name));
        return pid.empty() ? 0 : std::stoi(pid);
    }

    const std::string session_name = "feed_of_" + name;
    tenancy::change_feed feed{house.where(), control, {.application_name = session_name}, counts};
};

TEST_CASE("change feed: a suspended tenant loses its connections at once", "[integration]") {
    fed_house f;
    const auto acme = f.find("acme").value();
    std::vector<std::future<text_result>> flying;
    for (int i = 0; i < 20; ++i) flying.push_back(f.ask(acme, "select pg_sleep(60)::text"));
    REQUIRE(comes_true([&] { return f.backends() > 0 && f.house.usage().in_flight == 20; }));

    f.set_status("suspended");
    const auto committed = steady_clock::now();
    for (auto& each : flying) CHECK(word(must_end(std::move(each))) == "tenant-suspended");
    CHECK(comes_true([&] { return f.backends() == 0; }));
    const auto took = steady_clock::now() - committed;
    INFO("suspended: all refused and all backends gone after "
         << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
    CHECK(took < 2s);  // 100 ms on a machine that is not busy
    CHECK(f.find("acme").value()->status == tenant_status::suspended);
    // What was opened before does not come back to life.
    f.set_status("active");
    CHECK(comes_true([&] { return f.find_id().value()->status == tenant_status::active; }));
    CHECK(must_end(f.ask(f.find("acme").value(), "select 'back'")) == "back");
}

TEST_CASE("change feed: others than registries may hear, too", "[integration]") {
    registry_house f;
    tenancy::change_feed feed{
        f.house.where(), f.control, {.application_name = "feed_of_" + f.name}, f.counts};
    std::atomic<int> suspensions{0};
    feed.on_change([&](const tenancy::tenant_change& what) {
        if (what.status == tenant_status::suspended) ++suspensions;
    });
    f.house.on_reactor([&] { feed.start(); });
    CHECK(comes_true(
        [&] { return f.counts.render().find("bulkhead_tenant_feed_up 1\n") != std::string::npos; }));
    f.set_status("suspended");
    CHECK(comes_true([&] { return suspensions == 1; }));
    f.house.on_reactor([&] { feed.stop(); });
}

TEST_CASE("change feed: what waits and flies hears why", "[integration]") {
    fed_house f;
    const auto why = [&](std::string_view status) {
        f.set_status("active");
        CHECK(comes_true([&] { return f.find("acme").value()->status == tenant_status::active; }));
        auto flying = f.ask(f.find("acme").value(), "select pg_sleep(60)::text");
        REQUIRE(comes_true([&] { return f.house.usage().in_flight == 1; }));
        f.set_status(status);
        return must_end(std::move(flying)).why();
    };
    CHECK(why("suspended").code == errc::tenant_suspended);
    CHECK(why("maintenance").code == errc::unavailable);
    CHECK(why("maintenance").retry_after > 0s);
    CHECK(why("deleted").code == errc::tenant_unknown);
    CHECK(why("purging").code == errc::tenant_unknown);
}

TEST_CASE("change feed: the old name of a tenant leads nowhere, the new one to it", "[integration]") {
    fed_house f;
    const auto acme = f.find("acme").value();
    CHECK(word(f.find("zenith")) == "tenant-unknown");
    f.execute("update tenants_behind set slug = 'zenith'");
    CHECK(comes_true([&] { return f.find("zenith").has_value(); }, 1s));
    CHECK(word(f.find("acme")) == "tenant-unknown");
    CHECK(f.find("zenith").value()->id == f.id);
    CHECK(f.find_id().value()->slug == "zenith");
    // The name is free, and another tenant may take it.
    f.add_tenant("acme");
    CHECK(comes_true([&] { return f.find("acme").has_value(); }, 1s));
    CHECK(f.find("acme").value()->id != f.id);
}

TEST_CASE("change feed: a tenant whose row is gone is unknown", "[integration]") {
    fed_house f;
    REQUIRE(f.find("acme"));
    f.execute("delete from tenants_behind");
    CHECK(comes_true([&] { return word(f.find("acme")) == "tenant-unknown"; }, 1s));
    CHECK(word(f.find_id()) == "tenant-unknown");
}

TEST_CASE("change feed: what happened while nobody listened is not missed", "[integration]") {
    fed_house f({.fresh = 60s, .fresh_unfed = 60s});
    REQUIRE(f.find("acme"));
    f.execute("alter table tenants_behind disable trigger tenant_changed");
    f.set_status("suspended");
    CHECK(f.find("acme").value()->status == tenant_status::active);  // nobody told us
    f.execute(fmt::format("select pg_terminate_backend({})", f.listener_pid()));
    CHECK(comes_true([&] { return f.find("acme").value()->status == tenant_status::suspended; }));
    CHECK(f.is_up());
}

TEST_CASE("change feed: while the control database is away what is suspended stays refused",
          "[integration]") {
    fed_house f({.usable = 60s, .pause = 100ms});
    f.set_status("suspended");
    CHECK(comes_true([&] { return f.find("acme").value()->status == tenant_status::suspended; }));
    shared_servers().stop_postgres();
    struct guard {
        ~guard() { shared_servers().start_postgres(); }
    };
    {
        const guard at_the_end;
        CHECK(comes_true([&] { return !f.is_up(); }));
        for (int i = 0; i < 20; ++i) CHECK(f.find("acme").value()->status == tenant_status::suspended);
        CHECK(word(f.find("stranger")) == "unavailable");
    }
    CHECK(comes_true([&] { return f.is_up(); }));
    f.set_status("active");
    CHECK(comes_true([&] {
        const auto seen = f.find("acme");
        return seen && (*seen)->status == tenant_status::active;
    }));
}

TEST_CASE("change feed: words that are not understood put everything in doubt", "[integration]") {
    fed_house f({.fresh = 60s});
    REQUIRE(f.find("acme"));
    REQUIRE(f.find("acme"));
    CHECK(f.loads() == 1);
    f.execute("notify bulkhead_tenants, 'something new'");
    CHECK(comes_true([&] { return f.find("acme") && f.loads() == 2; }));
}

TEST_CASE("change feed: payloads", "[integration]") {
    const auto id = uuid::generate();
    const auto good = tenancy::parse_change(id.to_string() + " maintenance 7");
    REQUIRE(good);
    CHECK(good->id == id);
    CHECK(good->status == tenant_status::maintenance);
    CHECK(good->revision == 7);
    for (const std::string& bad :
         {std::string(), id.to_string(), id.to_string() + " ", id.to_string() + " active",
          std::string("x active 1"), id.to_string() + " active ", id.to_string() + " asleep 1",
          id.to_string() + " active 1x"})
        CHECK_FALSE(tenancy::parse_change(bad));
}

TEST_CASE("listener: a server that has stopped answering is left", "[integration]") {
    const auto name = fresh_database_name();
    runtime::reactor home("listener");
    std::atomic<int> ups = 0, downs = 0;
    std::atomic<int> heard = 0;
    postgres::listener ears(
        home.get_executor(), target_of(name), {"news", "odd \"name\""},
        {.on_listening = [&](bool up) { ++(up ? ups : downs); },
         .on_notification = [&](auto, auto) { ++heard; }},
        {.session = {.application_name = "ears"}, .most_silence = 200ms, .answer_limit = 300ms});
    home.start();
    home.post([&] { ears.start(); });
    REQUIRE(comes_true([&] { return ups == 1; }));
    for (const auto* each :
         {"notify news, 'a'", "notify news", "notify \"odd \"\"name\"\"\", 'b'", "notify other"})
        shared_servers().execute(name, each);
    CHECK(comes_true([&] { return heard == 3; }));
    std::this_thread::sleep_for(1s);  // silence alone is no reason
    CHECK(downs == 0);

    const auto pid = std::stoi(shared_servers().execute(
        name, "select pid::text from pg_stat_activity where application_name = 'ears'"));
    REQUIRE(::kill(pid, SIGSTOP) == 0);
    CHECK(comes_true([&] { return downs == 1 && ups == 2; }));
    REQUIRE(::kill(pid, SIGCONT) == 0);
    shared_servers().execute(name, "notify news, 'again'");
    CHECK(comes_true([&] { return heard == 4; }));
    home.post([&] { ears.stop(); });
    CHECK(comes_true([&] {
        return shared_servers().execute(
                   name, "select count(*) from pg_stat_activity where application_name = 'ears'") == "0";
    }));
    home.stop();
    home.join();
}

}  // namespace
}  // namespace bulkhead::testing
