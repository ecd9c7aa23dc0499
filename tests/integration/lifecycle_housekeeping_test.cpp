// SPDX-License-Identifier: Apache-2.0
// The worker's rounds over all tenants: what they find to do, without the control database, and to a stop.
#include "lifecycle/housekeeping.hpp"

#include <thread>
#include <utility>

#include "base/testing/comes_true.hpp"
#include "lifecycle/expiry.hpp"
#include "lifecycle/locks.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/states.hpp"
#include "lifecycle/storage.hpp"
#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {
namespace {

constexpr auto patience = std::chrono::seconds(60);

struct keeper {
    tenant_house house;
    runtime::blocking_pool threads{"test", 1, 1};
    metrics::registry counts;
    lifecycle::office office;
    lifecycle::housekeeping tasks;

    explicit keeper(std::size_t spares)
        : office(threads, house.admin, house.box, house.schema, {.actor = "worker", .keep_deleted = 0s}),
          tasks(office, counts,
                {.spares = spares,
                 .control_schema = migrations::control_migrations().value().head(),
                 .pace = 50ms,
                 .quiet = 100ms}) {}

    [[nodiscard]] bool shows(std::string_view line) const {
        return ("\n" + counts.render()).find(fmt::format("\n{}\n", line)) != std::string::npos;
    }
    [[nodiscard]] double value_of(std::string_view series) const {
        const auto text = counts.render();
        const auto at = text.find(fmt::format("\n{} ", series));
        return at == text.npos ? -1 : std::strtod(text.c_str() + at + series.size() + 2, nullptr);
    }
};

TEST_CASE("housekeeping: goes on with what was left, purges what is due, keeps spares in stock",
          "[integration]") {
    keeper k(1);
    auto& f = k.house;
    CHECK(f.dies_at("create.database.after", [&](auto& at) { return tenant_house::create(at, "left"); }));
    f.settings.keep_deleted = 0s;
    auto at = f.site();
    (void)f.make("due");
    REQUIRE(lifecycle::continue_work(at, lifecycle::begin_removal(at, "due").value()));
    // No count is shown before it was taken: a rise from 0 would tell of work that ended just now.
    CHECK(k.value_of(R"(bulkhead_operations_total{kind="create",state="succeeded"})") == -1);
    k.tasks.start();
    CHECK(comes_true([&] { return f.find("left").status == tenant_status::active; }));
    CHECK(comes_true([&] { return !f.is_known("due"); }));
    CHECK(comes_true([&] { return f.count("select count(*) from spare_databases where ready") == 1; }));
    CHECK(comes_true([&] { return f.find("left").storage_bytes > 1'000'000; }));
    CHECK(comes_true([&] {
        return k.shows(R"(bulkhead_operations_total{kind="create",state="succeeded"} 2)") &&
               k.shows(R"(bulkhead_operations_total{kind="purge",state="succeeded"} 1)") &&
               k.shows("bulkhead_operations_unfinished 0") && k.shows("bulkhead_spare_databases 1");
    }));
    CHECK(k.value_of(R"(bulkhead_housekeeping_last_success_timestamp_seconds{task="work"})") > 1e9);
    CHECK(k.tasks.stop_within(patience));
    f.check_order();
}

TEST_CASE("purges that are due: not of who came back meanwhile, whatever has become of its slug",
          "[integration]") {
    tenant_house f;
    const auto end = [&](const std::string& slug, std::chrono::seconds kept) {
        f.settings.keep_deleted = kept;
        auto at = f.site();
        REQUIRE(lifecycle::continue_work(at, lifecycle::begin_removal(at, slug).value()));
    };
    const auto bring_back = [&](const std::string& slug) {
        auto at = f.site();
        REQUIRE(lifecycle::continue_work(at, lifecycle::begin_undelete(at, slug).value()));
    };
    for (const auto* slug : {"gone", "renamed", "twice"}) {
        (void)f.make(slug);
        end(slug, 0s);
    }
    auto at = f.site();
    bool first = true;
    const auto purged = lifecycle::purge_what_is_due(at, [&] {
        if (!std::exchange(first, false)) return false;  // the list is made, and nobody is purged yet
        bring_back("renamed");
        REQUIRE(lifecycle::change(at, "renamed", {.slug = "other"}));
        (void)f.make("renamed");
        end("renamed", 0s);
        bring_back("twice");
        end("twice", 1h);
        return false;
    });
    REQUIRE(purged);
    CHECK(*purged == 1);
    CHECK_FALSE(f.is_known("gone"));
    CHECK(f.find("other").status == tenant_status::active);
    CHECK(f.find("renamed").status == tenant_status::deleted);
    CHECK(f.find("twice").status == tenant_status::deleted);
    f.check_order();
}

TEST_CASE("housekeeping: counts tenants, and those whose database is behind", "[integration]") {
    keeper k(0);
    auto& f = k.house;
    for (const auto* slug : {"new", "old", "asleep"}) (void)f.make(slug);
    REQUIRE(f.control.run("update tenants set schema_version = 1 where slug <> 'new'"));
    REQUIRE(f.control.run("update tenants set status = 'suspended' where slug = 'asleep'"));
    k.tasks.start();
    CHECK(comes_true([&] { return k.shows("bulkhead_tenants_behind 2"); }));
    CHECK(k.shows(R"(bulkhead_tenants{status="active"} 2)"));
    CHECK(k.shows(R"(bulkhead_tenants{status="suspended"} 1)"));
    CHECK(k.shows(R"(bulkhead_tenants{status="purging"} 0)"));
    REQUIRE(f.control.run("delete from tenants where slug = 'old'"));
    CHECK(comes_true([&] { return k.shows(R"(bulkhead_tenants{status="active"} 1)"); }));
    CHECK(comes_true([&] { return k.shows("bulkhead_tenants_behind 1"); }));
    CHECK(k.tasks.stop_within(patience));
}

TEST_CASE("housekeeping: outlives its control database being away", "[integration]") {
    keeper k(0);
    k.tasks.start();
    shared_servers().stop_postgres();
    const bool noticed =
        comes_true([&] { return k.value_of(R"(bulkhead_housekeeping_failures_total{task="work"})") > 0; });
    shared_servers().start_postgres();
    CHECK(noticed);
    auto& f = k.house;
    f.control = session::open(f.admin, connecting).value();
    CHECK(f.dies_at("create.roles.before", [&](auto& at) { return tenant_house::create(at, "later"); }));
    CHECK(comes_true([&] { return f.find("later").status == tenant_status::active; }));
    CHECK(k.tasks.stop_within(patience));
}

TEST_CASE("housekeeping: does nothing before the control database was migrated", "[integration]") {
    fresh_database empty;
    const auto admin = postgres::parse_database_url(empty.url()).value();
    const sealed_box box{secret(std::string(32, 'k'))};
    const auto schema = migrations::tenant_migrations().value();
    runtime::blocking_pool threads{"test", 1, 1};
    metrics::registry counts;
    lifecycle::office office(threads, admin, box, schema, {});
    lifecycle::housekeeping tasks(office, counts, {.control_schema = 1, .pace = 10ms});
    tasks.start();
    const auto line = R"(bulkhead_housekeeping_last_success_timestamp_seconds{task="counts"} 1)";
    CHECK(comes_true([&] { return counts.render().find(line) != std::string::npos; }));
    CHECK(counts.render().find(R"(bulkhead_housekeeping_failures_total{task="spares"} 0)") !=
          std::string::npos);
    CHECK(tasks.stop_within(patience));
}

TEST_CASE("housekeeping: a stop waits for the step under way, as long as it is told to", "[integration]") {
    keeper k(1);
    auto& f = k.house;
    // Spares need the template, which somebody else seems to be making.
    auto at = f.site();
    auto lock = std::make_unique<migrations::advisory_lock>(
        lifecycle::lock_by_name(at, "template/control", patience).value());
    k.tasks.start();
    CHECK(comes_true([&] { return f.count("select count(*) from spare_databases") == 1; }));
    CHECK_FALSE(k.tasks.stop_within(50ms));
    lock.reset();
    CHECK(k.tasks.stop_within(patience));
}

TEST_CASE("storage: is measured a few at a time, the longest waiting first", "[integration]") {
    tenant_house f;
    auto at = f.site();
    for (const auto* slug : {"aa", "bb", "cc"}) (void)f.make(slug);
    CHECK(lifecycle::measure_storage(at, 2, 1h).value() == 2);
    CHECK(lifecycle::measure_storage(at, 2, 1h).value() == 1);
    CHECK(lifecycle::measure_storage(at, 2, 1h).value() == 0);
    CHECK(f.count("select count(*) from tenants where storage_bytes > 1000000 and measured_at is not null") ==
          3);

    auto app = f.as_application(f.find("bb"));
    REQUIRE(
        app.run("insert into users (id, email, name, password_hash) select gen_random_uuid(), "
                "i || '@b.test', 'n', repeat('x', 2000) from generate_series(1, 2000) i"));
    const auto before = f.find("bb").storage_bytes;
    REQUIRE(f.control.run("update tenants set measured_at = now() - interval '2 hours' where slug = 'bb'"));
    CHECK(lifecycle::measure_storage(at, 2, 1h).value() == 1);
    CHECK(f.find("bb").storage_bytes > before);

    // What cannot be measured keeps its figure and does not hold up the others.
    const auto gone = f.find("aa");
    REQUIRE(lifecycle::drop_database(f.control, gone.database));
    REQUIRE(f.control.run("update tenants set measured_at = null"));
    CHECK(lifecycle::measure_storage(at, 9, 1h).value() == 3);
    CHECK(f.find("aa").storage_bytes == gone.storage_bytes);

    f.elsewhere([&](lifecycle::site& other) -> result<void> {
        const auto lock = lifecycle::lock_by_name(other, "storage", {});
        REQUIRE(f.control.run("update tenants set measured_at = null"));
        CHECK(lifecycle::measure_storage(at, 9, 1h).value() == 0);  // somebody is at it
        return {};
    });
}

TEST_CASE("expiry: kept answers go when they have expired, tenant after tenant", "[integration]") {
    tenant_house f;
    auto at = f.site();
    for (const auto* slug : {"aa", "bb"}) {
        auto app = f.as_application(f.make(slug));
        REQUIRE(
            app.run("insert into idempotency_keys (user_id, operation, key, status, answer, expires_at) "
                    "select gen_random_uuid(), 'createTask', i::text, 201, 'x', "
                    "now() + case when i <= 10 then 1 else -1 end * interval '1 hour' "
                    "from generate_series(1, 2510) i"));
    }
    const auto kept = [&](const auto& slug) {
        return f.as_owner(f.find(slug)).run("select count(*), min(expires_at) > now() from idempotency_keys");
    };
    uuid last{};
    CHECK(lifecycle::remove_expired(at, last).value() == 5000);
    CHECK(last != uuid{});
    for (const auto* slug : {"aa", "bb"}) {
        CHECK(kept(slug)->integer(0, 0) == 10);
        CHECK(kept(slug)->boolean(0, 1));
    }
    // Behind the last tenant it begins anew. One that is away does not hold up the others.
    CHECK(lifecycle::remove_expired(at, last).value() == 0);
    CHECK(last == uuid{});
    REQUIRE(f.as_owner(f.find("bb")).run("update idempotency_keys set expires_at = now()"));
    REQUIRE(f.control.run("update tenants set owner_password_sealed = 'x' where slug = 'aa'"));
    CHECK_FALSE(lifecycle::remove_expired(at, last));
    CHECK(kept("bb")->integer(0, 0) == 0);

    f.elsewhere([&](lifecycle::site& other) -> result<void> {
        const auto lock = lifecycle::lock_by_name(other, "expiry", {});
        last = {};
        CHECK(lifecycle::remove_expired(at, last).value() == 0);  // somebody is at it
        return {};
    });
}

TEST_CASE("expiry: old records of work go, and are still counted", "[integration]") {
    keeper k(0);
    auto& f = k.house;
    (void)f.make("aa");
    const auto add = [&](const std::string& id, const std::string& progress, const std::string& finished) {
        REQUIRE(f.control.run(fmt::format(
            "insert into operations (id, kind, tenant_id, slug, state, progress, actor, finished_at) "
            "values (gen_random_uuid(), 'delete', {}, 'x', '{}', '{}', 'test', {})",
            id, finished == "null" ? "running" : "succeeded", progress, finished)));
    };
    const std::string nobody = "gen_random_uuid()", there = "(select id from tenants where slug = 'aa')";
    const std::string old = "now() - interval '11 days'", backup = R"({"backup": "/x"})";
    for (int i = 0; i < 1'001; ++i) add(nobody, "{}", old);
    add(nobody, backup, old);                        // of a tenant that is no more
    add(there, backup, old);                         // still needed
    add(nobody, "{}", "now() - interval '9 days'");  // not old enough
    add(nobody, "{}", "null");                       // not finished
    auto at = f.site();
    CHECK(lifecycle::remove_old_operations(at, std::chrono::days(10)).value() == 1'002);
    CHECK(lifecycle::remove_old_operations(at, std::chrono::days(10)).value() == 0);
    CHECK(f.count("select count(*) from operations where kind = 'delete'") == 3);
    REQUIRE(f.control.run("delete from operations where finished_at is null"));  // nobody could go on with it
    k.tasks.start();
    CHECK(comes_true(
        [&] { return k.shows(R"(bulkhead_operations_total{kind="delete",state="succeeded"} 1004)"); }));
    CHECK(k.tasks.stop_within(patience));
}

}  // namespace
}  // namespace bulkhead::testing
