// SPDX-License-Identifier: Apache-2.0
// Move of a tenant between two servers.
#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>
#include <vector>

#include "lifecycle/states.hpp"
#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("move: the tenant goes on at the other server with all it had", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 100'000);
    const auto before = f.contents(source);
    const auto done = f.move("mover");
    INFO(done.error);
    REQUIRE(done.state == operation_state::succeeded);
    const auto moved = f.find("mover");
    CHECK(moved.server.name == "other");
    CHECK(moved.status == tenant_status::active);
    CHECK(moved.id == source.id);
    CHECK(moved.schema_version == source.schema_version);
    CHECK(moved.password.reveal() != source.password.reveal());
    CHECK(f.contents(moved) == before);  // sessions too
    f.check_alive(moved);
    // Nothing is left where it was.
    CHECK(f.count("select count(*) from pg_database where datname = '" + source.database + "'") == 0);
    CHECK(f.count("select count(*) from pg_roles where rolname ~ '" + source.role + "'") == 0);
    CHECK(f.count("select count(*) from operations where input::text ~ 'g1:'") == 0);
    const auto pause =
        f.list("select detail->>'paused_ms' from platform_audit where action = 'tenant.moved'");
    REQUIRE(pause.size() == 1);
    WARN("100 000 tasks moved with a pause of " << pause[0] << " ms");
    f.check_order();

    auto at = f.site();
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    const auto back = lifecycle::begin_move(at, "mover", "control", 300s);
    REQUIRE(back);
    REQUIRE(lifecycle::continue_work(at, *back)->state == operation_state::succeeded);
    CHECK(f.find("mover").server.name == "control");
    CHECK(f.contents(f.find("mover")) == before);
    CHECK(copy_house::other_orphans() == f.other_before);
}

TEST_CASE("move: a suspended tenant stays suspended", "[integration]") {
    copy_house f;
    const auto source = f.make("sleeper");
    auto at = f.site();
    REQUIRE(lifecycle::suspend(at, "sleeper", "unpaid"));
    REQUIRE(f.move("sleeper").state == operation_state::succeeded);
    const auto moved = f.find("sleeper");
    CHECK(moved.status == tenant_status::suspended);
    CHECK_FALSE(session::open(f.application_login(moved), connecting));
    REQUIRE(lifecycle::resume(at, "sleeper"));
    CHECK(session::open(f.application_login(moved), connecting));
}

TEST_CASE("move: what is refused before anything happens", "[integration]") {
    copy_house f;
    const auto one = f.make("mover");
    f.fill(one, 1000);
    auto at = f.site();
    CHECK(lifecycle::begin_move(at, "nobody", "other").error().code == errc::tenant_unknown);
    CHECK(lifecycle::begin_move(at, "mover", "nowhere").error().fields.at(0).pointer == "/server");
    CHECK(lifecycle::begin_move(at, "mover", "control").error().code == errc::conflict);
    const auto short_pause = lifecycle::begin_move(at, "mover", "other", 500ms);
    REQUIRE_FALSE(short_pause);
    CHECK(short_pause.error().fields.at(0).pointer == "/max_pause");
    CHECK(short_pause.error().fields.at(0).detail.find("--max-pause") != std::string::npos);
    // Another name of the server it is on.
    REQUIRE(
        f.control.run("insert into servers (name, host, port, accepts_tenants) "
                      "values ('same', 'localhost', $1::int, false)",
                      {f.admin.port}));
    CHECK(lifecycle::begin_move(at, "mover", "same").error().code == errc::conflict);
    // A database of its name is there: a copy of this server, say.
    other_server().execute("bulkhead", "create database " + one.database);
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    other_server().execute("bulkhead", "drop database " + one.database);

    const auto begun = lifecycle::begin_move(at, "mover", "other");
    REQUIRE(begun);
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    CHECK(lifecycle::suspend(at, "mover", "").error().code == errc::conflict);
    REQUIRE(lifecycle::continue_work(at, *begun)->state == operation_state::succeeded);
}

TEST_CASE("move: a copy that takes too long is taken back", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 20'000);
    const auto before = f.contents(source);
    auto at = f.site();
    auto begun = lifecycle::begin_move(at, "mover", "other", 300s);
    REQUIRE(begun);
    REQUIRE(f.control.run(
        "update operations set input = jsonb_set(input, '{max_pause_ms}', '40') where id = $1", {begun->id}));
    begun = lifecycle::find_operation(at, begun->id).value().value();
    const auto done = lifecycle::continue_work(at, *begun);
    REQUIRE(done);
    CHECK(done->state == operation_state::failed);
    CHECK(done->error.find("--max-pause") != std::string::npos);
    const auto back = f.find("mover");
    CHECK(back.status == tenant_status::active);
    CHECK(back.server.name == "control");
    CHECK(f.contents(back) == before);
    f.check_alive(back);
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
    CHECK(f.move("mover").state == operation_state::succeeded);  // with time enough
}

TEST_CASE("move: told to stop during the pause, it turns back first", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 1000);
    auto at = f.site();
    const auto begun = lifecycle::begin_move(at, "mover", "other", 300s);
    REQUIRE(begun);
    bool asked = false;
    at.on_step = [&](std::string_view step) { asked = asked || step == "copy"; };
    at.stop = [&] { return asked; };
    CHECK_FALSE(lifecycle::continue_work(at, *begun));
    CHECK(f.find("mover").status == tenant_status::active);
    CHECK(f.find("mover").server.name == "control");
    at.stop = {};
    CHECK(lifecycle::continue_work(at, *begun)->state == operation_state::failed);
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
}

TEST_CASE("move: no acknowledged write is lost, however deaf the writers are", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 1000);
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> acknowledged = 0, after_the_move = 0;
    // They hear of nothing: only the server can stop them. Each goes to where the row says when it is thrown
    // out.
    const auto write = [&] {
        while (!stop) {
            f.elsewhere([&](lifecycle::site& at) {
                auto one = tenancy::find_tenant(at.control(), "mover").value().value();
                REQUIRE(tenancy::open_password(one, f.box));
                auto data = session::open(f.application_login(one), connecting);
                while (data && !stop && data->run("insert into counters (payload) values ('w')")) {
                    ++acknowledged;
                    if (one.server.name == "other") ++after_the_move;
                }
                return 0;
            });
        }
    };
    std::vector<std::thread> writers;
    for (int i = 0; i < 3; ++i) writers.emplace_back(write);
    while (acknowledged < 50) std::this_thread::yield();
    const auto done = f.move("mover");
    while (done.state == operation_state::succeeded && after_the_move < 50) std::this_thread::yield();
    stop = true;
    for (auto& one : writers) one.join();
    REQUIRE(done.state == operation_state::succeeded);
    const auto there =
        f.as_owner(f.find("mover")).run("select count(*) from counters where payload = 'w'")->integer(0, 0);
    CHECK(there >= acknowledged);
    CHECK(there <= acknowledged + 6);  // what was committed and could not be acknowledged, twice a writer
}

}  // namespace
}  // namespace bulkhead::testing
