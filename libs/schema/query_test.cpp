// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "base/testing/catch.hpp"
#include "schema/schema.hpp"
#include "schema/testing/problems.hpp"

using namespace bulkhead;
using schema::problems_of;
using schema::query_parameters;

namespace {

enum class order { oldest, newest };
constexpr auto spellings_of(std::type_identity<order>) {
    return std::to_array<schema::spelling<order>>(
        {{order::oldest, "created_at"}, {order::newest, "-created_at"}});
}

struct list_query {
    schema::or_default<schema::integer<1, 100>, 20> limit;
    schema::or_default<order, order::newest> sort;
    std::optional<bool> completed;
    std::optional<utc_time> due_before;
    std::optional<uuid> owner;
    std::optional<schema::text<1, 8>> q;
};
BOOST_DESCRIBE_STRUCT(list_query, (), (limit, sort, completed, due_before, owner, q))

struct verify_query {
    schema::email email;
};
BOOST_DESCRIBE_STRUCT(verify_query, (), (email))

std::string problem_with(const std::string& name, const std::string& value) {
    return problems_of(schema::from_query<list_query>({{name, value}}));
}

}  // namespace

TEST_CASE("from_query: nothing given, all defaults", "[schema]") {
    const auto query = schema::from_query<list_query>({});
    REQUIRE(problems_of(query) == "");
    CHECK(query->limit->value() == 20);
    CHECK(*query->sort == order::newest);
    CHECK_FALSE(query->completed);
    CHECK_FALSE(query->q);
}

TEST_CASE("from_query: text becomes typed values", "[schema]") {
    const auto query = schema::from_query<list_query>({{"q", "hull"},
                                                       {"limit", "100"},
                                                       {"completed", "false"},
                                                       {"sort", "created_at"},
                                                       {"due_before", "2026-01-01T00:00:00Z"},
                                                       {"owner", "01890A5D-AC96-774B-BCCE-B302099A8057"}});
    REQUIRE(problems_of(query) == "");
    CHECK(query->limit->value() == 100);
    CHECK(*query->sort == order::oldest);
    CHECK(query->completed == false);
    CHECK(to_rfc3339(query->due_before.value()) == "2026-01-01T00:00:00.000Z");
    CHECK(query->owner->to_string() == "01890a5d-ac96-774b-bcce-b302099a8057");
    CHECK(query->q->str() == "hull");
}

TEST_CASE("from_query: values that are not quite right", "[schema]") {
    const struct {
        std::string name, value, code;
    } cases[] = {
        {"limit", "", "wrong_type"},
        {"limit", "0", "out_of_range"},
        {"limit", "101", "out_of_range"},
        {"limit", "-1", "out_of_range"},
        {"limit", "99999999999999999999999", "out_of_range"},
        {"limit", "+5", "wrong_type"},
        {"limit", "05", "wrong_type"},
        {"limit", "-0", "wrong_type"},
        {"limit", "-", "wrong_type"},
        {"limit", " 5", "wrong_type"},
        {"limit", "5 ", "wrong_type"},
        {"limit", "5.0", "wrong_type"},
        {"limit", "5e0", "wrong_type"},
        {"limit", "0x5", "wrong_type"},
        {"limit", "null", "wrong_type"},
        {"limit", "\xd9\xa5", "wrong_type"},  // Arabic-Indic five
        {"completed", "True", "wrong_type"},
        {"completed", "1", "wrong_type"},
        {"completed", "", "wrong_type"},
        {"completed", "true ", "wrong_type"},
        {"sort", "", "not_one_of"},
        {"sort", "title;drop table", "not_one_of"},
        {"due_before", "2026-01-01", "invalid_format"},
        {"due_before", "2026-01-01T00:00:00 01:00", "invalid_format"},
        {"owner", "{01890a5d-ac96-774b-bcce-b302099a8057}", "invalid_format"},
        {"q", "", "too_short"},
        {"q", " ", "blank"},
        {"q", "123456789", "too_long"},
        {"q", "\xc3\x28", "invalid_format"},
        {"q", std::string("a\0b", 3), "invalid_format"},
        {"page", "1", "unknown_parameter"},
        {"Limit", "5", "unknown_parameter"},
        {"", "", "unknown_parameter"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name, c.value);
        CHECK(problem_with(c.name, c.value) == "/query/" + c.name + ' ' + c.code);
    }
}

TEST_CASE("from_query: reports everything at once, repeated names once", "[schema]") {
    const query_parameters in{{"limit", "x"}, {"a/b", "1"},   {"limit", "5"},
                              {"a/b", "2"},   {"limit", "6"}, {"q", ""}};
    CHECK(problems_of(schema::from_query<list_query>(in)) ==
          "/query/limit wrong_type, /query/q too_short, /query/a~1b unknown_parameter, "
          "/query/limit repeated_parameter, /query/a~1b repeated_parameter");
    CHECK(problems_of(schema::from_query<list_query>({{"limit", "5"}, {"limit", "5"}})) ==
          "/query/limit repeated_parameter");
}

TEST_CASE("from_query: a plain member is required", "[schema]") {
    CHECK(problems_of(schema::from_query<verify_query>({})) == "/query/email required");
    CHECK(schema::from_query<verify_query>({{"email", "A@b.co"}})->email.str() == "a@b.co");
}
