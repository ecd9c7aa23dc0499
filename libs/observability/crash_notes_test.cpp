// SPDX-License-Identifier: Apache-2.0
#include "observability/crash_notes.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead;

namespace {

const crash_notes::slot* find(std::string_view request) {
    const auto slots = crash_notes::all();
    const auto at = std::ranges::find_if(
        slots, [&](const auto& each) { return each.taken.load() && each.request.view() == request; });
    return at == slots.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("crash notes: a request is noted while it lives", "[crash]") {
    {
        crash_notes::note note("r-1");
        note.set_tenant("acme");
        note.set_user(std::string(100, 'u'));
        note.set_route("/x");
        const auto* seen = find("r-1");
        REQUIRE(seen);
        CHECK(seen->tenant.view() == "acme");
        CHECK(seen->user.view() == std::string(39, 'u'));
        CHECK(seen->route == "/x");
        CHECK(seen->thread == ::gettid());
    }
    CHECK(!find("r-1"));
    crash_notes::note next("r-2");
    CHECK(find("r-2")->tenant.view().empty());
}

TEST_CASE("crash notes: more than there is room for do no harm, and go on another thread", "[crash]") {
    std::vector<std::unique_ptr<crash_notes::note>> many;
    for (std::size_t i = 0; i < 2 * crash_notes::most_notes; ++i)
        many.push_back(std::make_unique<crash_notes::note>("many"));
    CHECK(find("many"));
    std::thread([&] { many.clear(); }).join();
    CHECK(!find("many"));
}
