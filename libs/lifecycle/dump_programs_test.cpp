// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/dump_programs.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/testing/catch.hpp"
#include "lifecycle/dump.hpp"

namespace bulkhead::lifecycle {
namespace {

bool holds(const std::vector<std::string>& texts, std::string_view part) {
    return std::ranges::any_of(texts, [&](const auto& one) { return one.find(part) != std::string::npos; });
}

TEST_CASE("dump programs: passwords are in the environment, never among the arguments", "[lifecycle]") {
    ::setenv("PGPASSWORD", "of-our-own-environment", 1);
    ::setenv("BULKHEAD_OTHER_SECRET", "not-for-others", 1);
    const auto login =
        postgres::parse_database_url(
            "postgresql://us%27er:p%27ass@db.test:5433/da%5Cta?sslmode=require&sslpassword=pass-of-the-key")
            .value();
    const auto made =
        with_login({.folder = "/programs", .version = 15}, "pg_dump", {"--format=custom"}, login);
    CHECK(made.program == "/programs/pg_dump");
    CHECK(made.arguments.front() == "--format=custom");
    CHECK(made.arguments.back().starts_with("--dbname="));
    CHECK(holds(made.arguments,
                "host='db.test' port='5433' user='us\\'er' dbname='da\\\\ta' sslmode='require'"));
    for (const auto* secret : {"p'ass", "pass-of-the-key"}) CHECK_FALSE(holds(made.arguments, secret));
    CHECK(std::ranges::count(made.environment, "PGPASSWORD=p'ass") == 1);
    for (const auto* secret : {"of-our-own-environment", "not-for-others"})
        CHECK_FALSE(holds(made.environment, secret));
    ::unsetenv("PGPASSWORD");
    ::unsetenv("BULKHEAD_OTHER_SECRET");
}

TEST_CASE("dump programs: new enough for the server, or none", "[lifecycle]") {
    const auto found = find_dump_programs(1);
    REQUIRE(found);
    CHECK(found->version >= 9);
    CHECK(find_dump_programs(found->version)->folder == found->folder);
    CHECK(find_dump_programs(900).error().code == errc::unavailable);
    // What it writes would not be understood.
    CHECK(start_restore(*found, {}, (found->version - 1) * 10'000, -1).error().code == errc::conflict);
}

TEST_CASE("copies: counts are compared table by table", "[lifecycle]") {
    const std::vector<table_count> wanted{{"public.a", 1}, {"public.b", 2}};
    CHECK(compare_counts(wanted, wanted));
    CHECK(compare_counts({}, {}));
    for (const std::vector<table_count>& found : {std::vector<table_count>{},
                                                  {{"public.a", 1}},
                                                  {{"public.a", 1}, {"public.b", 3}},
                                                  {{"public.a", 1}, {"public.c", 2}},
                                                  {{"public.a", 1}, {"public.b", 2}, {"public.c", 0}}})
        CHECK(compare_counts(wanted, found).error().code == errc::internal);
}

}  // namespace
}  // namespace bulkhead::lifecycle
