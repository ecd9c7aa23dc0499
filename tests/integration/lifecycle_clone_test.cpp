// SPDX-License-Identifier: Apache-2.0
// Clones of a tenant on the same server.
#include <atomic>
#include <cstdint>
#include <thread>

#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("clone: all data of one moment, other credentials, no sessions, no jobs and no webhooks",
          "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 1000);
    const auto before = f.contents(source);
    const auto done = f.clone("source", "twin");
    INFO(done.error);
    REQUIRE(done.state == operation_state::succeeded);
    const auto twin = f.find("twin");
    CHECK(twin.status == tenant_status::active);
    CHECK(twin.name == source.name);
    CHECK(twin.id != source.id);
    CHECK(twin.database != source.database);
    CHECK(twin.password.reveal() != source.password.reveal());
    CHECK(twin.schema_version == f.schema.head());
    CHECK(f.contents(twin, lifecycle::dump_contents::transferable) ==
          f.contents(source, lifecycle::dump_contents::transferable));
    CHECK(f.as_owner(twin).run("select 1 from sessions")->empty());
    CHECK(f.as_owner(twin).run("select 1 from jobs")->empty());
    CHECK(f.as_owner(source).run("select 1 from jobs")->size() == 1);
    CHECK(f.as_owner(twin).run("select 1 from webhooks")->empty());
    CHECK(f.as_owner(twin).run("select 1 from webhook_deliveries")->empty());
    CHECK(f.as_owner(source).run("select 1 from webhook_deliveries")->size() == 1);
    f.check_alive(twin);
    CHECK(f.contents(source) == before);

    // Neither enters the other's.
    CHECK_FALSE(session::open(f.application_login(twin).with_database(source.database), connecting));
    CHECK_FALSE(session::open(f.application_login(source).with_database(twin.database), connecting));
    f.check_order();
}

TEST_CASE("clone: what is refused", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    auto at = f.site();
    const auto refusal = [&](std::string_view from, const lifecycle::new_tenant& wanted) {
        return lifecycle::begin_clone(at, from, wanted).error().code;
    };
    CHECK(refusal("nobody", {.slug = "twin", .name = "T"}) == errc::tenant_unknown);
    CHECK(refusal("source", {.slug = "source", .name = "T"}) == errc::conflict);
    CHECK(refusal("source", {.slug = "Bad Slug", .name = "T"}) == errc::validation_failed);
    CHECK(refusal("source", tenant_house::wanted("twin")) == errc::validation_failed);  // an owner
    REQUIRE(
        f.control.run("update tenants set status = 'deleted', deleted_at = now(), purge_after = now() "
                      "where id = $1",
                      {source.id}));
    CHECK(refusal("source", {.slug = "twin", .name = "T"}) == errc::conflict);
    REQUIRE(
        f.control.run("update tenants set status = 'active', deleted_at = null, purge_after = null "
                      "where id = $1",
                      {source.id}));
    f.check_order();
}

TEST_CASE("clone: a source at an older schema is brought to the newest one", "[integration]") {
    copy_house f;
    const auto newest = f.schema;
    f.schema.migrations.pop_back();
    const auto source = f.make("source");
    REQUIRE(f.as_application(source).run("update users set name = 'Älteste'"));
    const auto older = f.schema.head();
    f.schema = newest;
    REQUIRE(f.clone("source", "twin").state == operation_state::succeeded);
    CHECK(f.find("source").schema_version == older);
    const auto twin = f.find("twin");
    CHECK(twin.schema_version == newest.head());
    auto data = f.as_application(twin);
    CHECK(data.run("select name from users")->text(0, 0) == "Älteste");
    CHECK(data.run("select max(version) from schema_migrations")->integer(0, 0) == newest.head());
    CHECK(data.run("insert into tasks (id, user_id, title) select gen_random_uuid(), id, 't' from users"));
}

TEST_CASE("clone: a newer schema than the program's is undone", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.schema.migrations.pop_back();
    const auto done = f.clone("source", "twin");
    CHECK(done.state == operation_state::failed);
    CHECK(done.error.find("schema") != std::string::npos);
    CHECK_FALSE(f.is_known("twin"));
    CHECK(f.orphans().empty());
}

TEST_CASE("clone: what was acknowledged before it began is in it, while writers go on", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 100);
    std::atomic<std::int64_t> written = 0;
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        auto data = f.as_application(source);
        while (!stop)
            if (data.run("insert into counters (payload) values ('w')")) ++written;
    });
    while (written < 20) std::this_thread::yield();
    const auto acknowledged = written.load();
    const auto done = f.clone("source", "twin");
    const auto at_the_end = written.load();
    stop = true;
    writer.join();
    REQUIRE(done.state == operation_state::succeeded);
    const auto copied =
        f.as_owner(f.find("twin")).run("select count(*) from counters where payload = 'w'")->integer(0, 0);
    CHECK(copied >= acknowledged);
    CHECK(copied <= at_the_end + 1);
    CHECK(at_the_end > acknowledged);  // the source was not kept waiting
}

}  // namespace
}  // namespace bulkhead::testing
