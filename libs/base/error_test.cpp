// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/testing/catch.hpp"

using namespace bulkhead;

TEST_CASE("error: every code has one complete row", "[base]") {
    const auto rows = all_error_descriptions();
    std::set<std::string_view> names;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(describe(row.code).name == row.name);
        CHECK(names.insert(row.name).second);
        CHECK_FALSE(row.name.empty());
        CHECK(std::ranges::all_of(row.name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }));
        CHECK_FALSE(row.title.empty());
        CHECK(row.status >= 400);
        CHECK(row.status <= 599);
    }
    CHECK(describe(errc::validation_failed).status == 422);
    CHECK(describe(errc::email_taken).name == "email-taken");
}

TEST_CASE("error: fail makes an error without fields", "[base]") {
    const result<int> answer = fail(errc::conflict, "busy");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == errc::conflict);
    CHECK(answer.error().detail == "busy");
    CHECK(answer.error().fields.empty());
    CHECK(answer.error().retry_after.count() == 0);
}

TEST_CASE("error: fail_field names one member", "[base]") {
    const result<> answer = fail_field("/title", "too_long", "must be shorter");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == errc::validation_failed);
    REQUIRE(answer.error().fields.size() == 1);
    CHECK(answer.error().fields[0].pointer == "/title");
    CHECK(answer.error().fields[0].code == "too_long");
    CHECK(answer.error().fields[0].detail == "must be shorter");
}
