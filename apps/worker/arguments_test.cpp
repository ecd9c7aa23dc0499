// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::worker {
namespace {

using words = std::vector<std::string_view>;

constexpr std::string_view an_id = "01890a5d-ac96-774b-bcce-b302099a8057";

std::string wrong(const words& of) {
    const auto parsed = parse_arguments(of);
    return parsed ? "" : parsed.error();
}

TEST_CASE("Commands and their options") {
    const auto list = parse_arguments(words{"jobs", "list", "--tenant", "acme", "--state=failed", "--kind",
                                            "mail.send", "--limit", "7", "--json"});
    REQUIRE(list);
    CHECK(list->run == command::list);
    CHECK(list->tenant == "acme");
    CHECK(list->state == "failed");
    CHECK(list->kind == "mail.send");
    CHECK(list->limit == 7);
    CHECK(list->json);

    const auto retry = parse_arguments(words{"jobs", "retry", "--tenant=acme", an_id, an_id});
    REQUIRE(retry);
    CHECK(retry->ids.size() == 2);

    const auto made =
        parse_arguments(words{"enqueue", "queue.probe", "--tenant", "acme", "--payload", "{}", "--run-at",
                              "2030-01-01T00:00:00Z", "--priority", "low", "--unique", "x"});
    REQUIRE(made);
    CHECK(made->kind == "queue.probe");
    CHECK(made->priority == queue::priority::low);
    CHECK(made->unique_key == "x");
    CHECK(to_rfc3339(*made->run_at) == "2030-01-01T00:00:00.000Z");
    CHECK(parse_arguments(words{"jobs", "--help"})->run == command::help);
    CHECK(parse_arguments(words{"jobs", "fsck", "--repair"})->repair);
    CHECK(parse_arguments(words{"jobs", "discard", "--failed", "--kind", "a", "--tenant", "acme"})->failed);
}

TEST_CASE("What is wrong is said in a line") {
    CHECK(wrong({"jobs"}).find("expected one of stats") != std::string::npos);
    CHECK(wrong({"jobs", "eat"}).find("expected one of stats") != std::string::npos);
    CHECK(wrong({"jobs", "list"}) == "list: --tenant is missing");
    CHECK(wrong({"jobs", "show", "--tenant", "acme"}) == "show: ID is missing");
    CHECK(wrong({"jobs", "show", "--tenant", "acme", "7"}) == "\"7\" is not a job's id");
    CHECK(wrong({"jobs", "show", "--tenant", "acme", an_id, an_id}) == "show: one ID at a time");
    CHECK(wrong({"jobs", "stats", "--tenant", "acme"}) == "unknown option --tenant; see --help");
    CHECK(wrong({"jobs", "stats", "more"}) == "unexpected argument \"more\"");
    CHECK(wrong({"jobs", "list", "--tenant"}) == "--tenant needs a value");
    CHECK(wrong({"jobs", "list", "--tenant", "a", "--tenant", "b"}) == "--tenant is given twice");
    CHECK(wrong({"jobs", "list", "--tenant", "a", "--json=1"}) == "--json takes no value");
    CHECK(wrong({"jobs", "list", "--tenant", "a", "--limit", "0"}) ==
          "--limit: expected a number from 1 to 1000");
    CHECK(wrong({"jobs", "retry", "--tenant", "a", "--failed", an_id}) == "retry: give ids or --failed");
    CHECK(wrong({"jobs", "retry", "--tenant", "a", "--kind", "x", an_id}) == "retry: --kind needs --failed");
    CHECK(wrong({"enqueue", "--tenant", "a"}) == "enqueue: KIND is missing");
    CHECK(wrong({"enqueue", "x"}) == "enqueue: --tenant is missing");
    CHECK(wrong({"enqueue", "x", "y", "--tenant", "a"}) == "unexpected argument \"y\"");
    CHECK(wrong({"enqueue", "x", "--tenant", "a", "--run-at", "now"}).starts_with("--run-at: expected"));
    CHECK(wrong({"enqueue", "x", "--tenant", "a", "--priority", "1"}) ==
          "--priority: expected high, normal or low");
}

TEST_CASE("Other words are not for operators") {
    CHECK_FALSE(is_command({}));
    CHECK_FALSE(is_command(words{"--help"}));
    CHECK(is_command(words{"jobs"}));
    CHECK(is_command(words{"enqueue", "x"}));
}

}  // namespace
}  // namespace bulkhead::worker
