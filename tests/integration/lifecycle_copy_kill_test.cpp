// SPDX-License-Identifier: Apache-2.0
// Moves, clones and imports in processes that are killed at each step.
#include <string>

#include "lifecycle/archive.hpp"
#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("move: killed at any step, the tenant is at one place and in use", "[integration]") {
    copy_house f;
    int number = 0;
    for (const std::string place :
         {"prepare.after", "pause.before", "pause.after", "pause.saved", "copy.after", "flip.before",
          "flip.after", "retire.before", "retire.after"}) {
        INFO(place);
        const auto slug = fmt::format("killed-{}", ++number);
        f.fill(f.make(slug), 500);
        const auto before = f.contents(f.find(slug));
        auto at = f.site();
        const auto begun = lifecycle::begin_move(at, slug, "other", 300s);
        REQUIRE(begun);
        REQUIRE(f.dies_at("move." + place,
                          [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
        const auto done = f.continue_after_kill(at, *begun);
        CHECK(done.state == operation_state::succeeded);
        const auto after = f.find(slug);
        CHECK(after.server.name == "other");
        CHECK(f.contents(after) == before);
        f.check_alive(after);
    }
    f.check_order();
}

TEST_CASE("move: killed while it turns back, the tenant goes on where it was", "[integration]") {
    copy_house f;
    int number = 0;
    for (const std::string place :
         {"go on.before", "go on.after", "go on.saved", "clean up.before", "clean up.after"}) {
        INFO(place);
        const auto slug = fmt::format("back-{}", ++number);
        f.fill(f.make(slug), 500);
        const auto before = f.contents(f.find(slug));
        auto at = f.site();
        auto begun = lifecycle::begin_move(at, slug, "other", 300s);
        REQUIRE(begun);
        REQUIRE(f.control.run(
            "update operations set input = jsonb_set(input, '{max_pause_ms}', '1') where id = $1",
            {begun->id}));
        begun = lifecycle::find_operation(at, begun->id).value().value();
        REQUIRE(f.dies_at("move.undo." + place,
                          [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
        const auto done = f.continue_after_kill(at, *begun);
        CHECK(done.state == operation_state::failed);
        CHECK(f.find(slug).server.name == "control");
        CHECK(f.contents(f.find(slug)) == before);
        f.check_alive(f.find(slug));
    }
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
}

TEST_CASE("copies: killed at any step, they are completed", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 500);
    auto at = f.site();
    REQUIRE(lifecycle::export_tenant(at, "source", f.file("a.tar")));
    int number = 0;
    for (const std::string step : {"roles", "restore", "migrate", "grant", "activate"}) {
        for (const bool from_file : {false, true}) {
            INFO(step << (from_file ? " of an import" : " of a clone"));
            const auto slug = fmt::format("copy-{}", ++number);
            const auto begun = from_file
                                   ? lifecycle::begin_import(at, f.file("a.tar"), {.slug = slug, .name = ""})
                                   : lifecycle::begin_clone(at, "source", {.slug = slug, .name = ""});
            REQUIRE(begun);
            const auto place = fmt::format("{}.{}.after", from_file ? "import" : "clone", step);
            REQUIRE(f.dies_at(
                place, [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
            REQUIRE(f.continue_after_kill(at, *begun).state == operation_state::succeeded);
            CHECK(f.contents(f.find(slug), lifecycle::dump_contents::transferable) ==
                  f.contents(source, lifecycle::dump_contents::transferable));
        }
    }
    f.check_order();
}

}  // namespace
}  // namespace bulkhead::testing
