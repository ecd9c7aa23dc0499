// SPDX-License-Identifier: Apache-2.0
// Databases in stock: taken once, made by one process at a time, and never left lying about.
#include <atomic>
#include <set>
#include <thread>

#include "lifecycle/spares.hpp"
#include "lifecycle/transaction.hpp"
#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {
namespace {

std::int64_t stock(tenant_house& f) { return f.count("select count(*) from spare_databases where ready"); }
std::int64_t all_rows(tenant_house& f) { return f.count("select count(*) from spare_databases"); }

TEST_CASE("spares: a tenant from stock is there at once, with everything", "[integration]") {
    tenant_house f;
    auto at = f.site();
    REQUIRE(lifecycle::refill_spares(at, 2).value());
    CHECK(stock(f) == 2);
    std::vector<std::string> steps;
    at.on_step = [&](std::string_view step) { steps.emplace_back(step); };
    REQUIRE(f.create(at, "quick"));
    CHECK(steps == std::vector<std::string>{"owner", "activate"});
    CHECK(stock(f) == 1);
    f.check_order();
}

TEST_CASE("spares: many that want one get different ones, and the rest gets none", "[integration]") {
    tenant_house f;
    auto at = f.site();
    REQUIRE(lifecycle::refill_spares(at, 3).value());
    std::mutex mutex;
    std::multiset<std::string> taken;
    std::atomic<int> none = 0;
    std::atomic<bool> go = false;
    std::vector<std::thread> all;
    for (int i = 0; i < 8; ++i)
        all.emplace_back([&] {
            f.elsewhere([&](lifecycle::site& own) {
                while (!go) std::this_thread::yield();
                lifecycle::transaction one(own.control());
                const auto spare = lifecycle::claim_spare(own, "");
                if (spare && *spare) {
                    const std::lock_guard lock(mutex);
                    taken.insert((*spare)->id.to_string());
                }
                none += spare && !*spare ? 1 : 0;
                return one.commit();
            });
        });
    go = true;
    for (auto& one : all) one.join();
    CHECK(taken.size() == 3);
    CHECK(std::set(taken.begin(), taken.end()).size() == 3);
    CHECK(none == 5);
    CHECK(all_rows(f) == 0);
}

TEST_CASE("spares: who is refused puts it back", "[integration]") {
    tenant_house f;
    auto at = f.site();
    (void)f.make("taken");
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    CHECK(f.create(at, "taken").error().code == errc::conflict);
    CHECK(stock(f) == 1);
    f.check_order();
}

TEST_CASE("spares: two workers fill the stock once", "[integration]") {
    tenant_house f;
    std::atomic<int> fine = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([&] {
            fine +=
                f.elsewhere([](auto& at) { return lifecycle::refill_spares(at, 3); }).value_or(false) ? 1 : 0;
        });
    for (auto& one : all) one.join();
    CHECK(fine == 4);
    CHECK(all_rows(f) == 3);
    f.check_order();
}

TEST_CASE("spares: killed half-way, the next run cleans up", "[integration]") {
    tenant_house f;
    for (const std::string place : {"recorded", "roles", "database", "open", "handed-over"}) {
        INFO(place);
        CHECK(f.dies_at("spare." + place, [](auto& at) { return lifecycle::refill_spares(at, 1); }));
        CHECK(all_rows(f) == 1);
        CHECK(stock(f) == 0);
        CHECK_FALSE(lifecycle::claim_spare(f.site(), "").value());
    }
    auto at = f.site();
    // While the session of the one that died has not ended yet, it has the lock.
    for (int i = 0; i < 600 && stock(f) == 0; ++i) {
        REQUIRE(lifecycle::refill_spares(at, 1).value());
        std::this_thread::sleep_for(std::chrono::milliseconds(i > 0 ? 50 : 0));
    }
    CHECK(all_rows(f) == 1);
    CHECK(stock(f) == 1);
    f.check_order();
}

TEST_CASE("spares: what is of no use is dropped", "[integration]") {
    tenant_house f;
    auto at = f.site();
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    const auto first = f.list("select id::text from spare_databases");

    REQUIRE(f.control.run("update spare_databases set schema_version = schema_version - 1"));
    CHECK_FALSE(lifecycle::claim_spare(at, "").value());
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    CHECK(all_rows(f) == 1);
    CHECK(f.list("select id::text from spare_databases") != first);

    // A newer build's are left to it; we count them, so that the two do not fill the stock against each
    // other.
    REQUIRE(f.control.run("update spare_databases set schema_version = schema_version + 1"));
    const auto newer = f.list("select id::text from spare_databases");
    REQUIRE(lifecycle::refill_spares(at, 1).value());
    CHECK(f.list("select id::text from spare_databases") == newer);
    CHECK_FALSE(lifecycle::claim_spare(at, "").value());
    REQUIRE(f.control.run("update spare_databases set created_at = now() - interval '2 hours'"));
    REQUIRE(lifecycle::refill_spares(at, 1).value());  // it was a rollback
    CHECK(f.list("select id::text from spare_databases") != newer);

    // Under a key that is on its way out.
    const auto old_key = f.list("select id::text from spare_databases");
    const sealed_box rotated(secret(std::string(32, 'n')), secret(std::string(32, 'k')));
    lifecycle::site after(f.control, f.admin, rotated, f.schema);
    REQUIRE(lifecycle::refill_spares(after, 1).value());
    CHECK(f.list("select id::text from spare_databases") != old_key);

    // On a server that takes no more tenants.
    REQUIRE(f.control.run("update servers set accepts_tenants = false"));
    CHECK_FALSE(lifecycle::refill_spares(after, 1).value());
    CHECK(all_rows(f) == 0);
    f.check_order();
}

TEST_CASE("spares: a server that is away collects none", "[integration]") {
    tenant_house f;
    auto at = f.site();
    (void)f.make("here");  // so that the other server is the emptier one
    REQUIRE(f.control.run("insert into servers (name, host, port) values ('away', '127.0.0.1', 1)"));
    for (int i = 0; i < 3; ++i) CHECK_FALSE(lifecycle::refill_spares(at, 2).value());
    CHECK(stock(f) == 2);     // on the other
    CHECK(all_rows(f) == 3);  // and one attempt is on record
    REQUIRE(f.control.run("update servers set host = null, port = null"));
    REQUIRE(lifecycle::refill_spares(at, 2).value());
    CHECK(all_rows(f) == 2);
    f.check_order();
}

}  // namespace
}  // namespace bulkhead::testing
