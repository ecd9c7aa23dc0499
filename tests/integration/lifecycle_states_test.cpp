// SPDX-License-Identifier: Apache-2.0
// Short changes of a tenant: one after the other, and its role on the server always fits its state.
#include "lifecycle/states.hpp"

#include <array>
#include <thread>

#include "lifecycle/locks.hpp"
#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("states: resumed while it is being suspended, the tenant can be used", "[integration]") {
    copy_house f;
    auto at = f.site();
    auto wanted = tenant_house::wanted("one");
    wanted.server = "other";
    REQUIRE(lifecycle::continue_creation(at, lifecycle::begin_creation(at, wanted).value()));
    // Whoever suspends has to connect to the server first, between the row and the role.
    std::thread suspending([&] { f.elsewhere([](auto& x) { return lifecycle::suspend(x, "one", ""); }); });
    const auto until = std::chrono::steady_clock::now() + connecting;
    while (!lifecycle::resume(at, "one") && std::chrono::steady_clock::now() < until) continue;
    suspending.join();
    CHECK(f.find("one").status == tenant_status::active);
    CHECK(session::open(f.application_login(f.find("one")), connecting));
    f.check_order();
}

TEST_CASE("states: a change waits for the one before it", "[integration]") {
    tenant_house f;
    for (const auto* slug : {"asleep", "awake", "plain"}) (void)f.make(slug);
    auto at = f.site();
    REQUIRE(lifecycle::suspend(at, "asleep", ""));
    const auto held_up = [&](const std::string& slug, auto change) {
        auto holder = session::open(f.admin, connecting).value();
        lifecycle::site there(holder, f.admin, f.box, f.schema, f.settings);
        const auto turn = lifecycle::lock_by_name(there, "change/" + slug, 0s);
        return f.elsewhere([&](auto& here) { return change(here, slug).error().code; });
    };
    std::array<errc, 3> codes{};
    std::thread resuming([&] {
        codes[0] = held_up("asleep", [](auto& x, const auto& slug) { return lifecycle::resume(x, slug); });
    });
    std::thread limiting([&] {
        codes[1] = held_up("plain", [](auto& x, const auto& slug) {
            return lifecycle::change(x, slug, {.limits = tenancy::tenant_limits{.users = tenancy::quota(1)}});
        });
    });
    codes[2] = held_up("awake", [](auto& x, const auto& slug) { return lifecycle::suspend(x, slug, ""); });
    resuming.join();
    limiting.join();
    for (const auto code : codes) CHECK(code == errc::conflict);
    CHECK(f.find("awake").status == tenant_status::active);
    CHECK(f.find("asleep").status == tenant_status::suspended);
    CHECK(f.find("plain").limits == tenancy::tenant_limits{});
}

}  // namespace
}  // namespace bulkhead::testing
