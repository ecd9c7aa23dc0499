// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/testing/catch.hpp"
#include "schema/schema.hpp"
#include "schema/testing/problems.hpp"

using namespace bulkhead;
using schema::problems_of;

namespace {

enum class priority { low, medium, high };
BOOST_DESCRIBE_ENUM(priority, low, medium, high)

struct task_input {
    schema::text<1, 20> title;
    schema::or_default<schema::text<0, 30>> description;
    schema::or_default<bool, false> completed;
    schema::or_default<priority, priority::medium> priority_level;
    std::optional<utc_time> due_at;
};
BOOST_DESCRIBE_STRUCT(task_input, (), (title, description, completed, priority_level, due_at))

struct item {
    schema::text<1, 5> name;
    schema::integer<1, 9> count;
};
BOOST_DESCRIBE_STRUCT(item, (), (name, count))

struct basket {
    uuid id;
    schema::email owner;
    item first;
    schema::bounded<item, 4, 1> items;
    schema::bounded<std::optional<std::int64_t>, 3> numbers;
};
BOOST_DESCRIBE_STRUCT(basket, (), (id, owner, first, items, numbers))

struct credentials {
    schema::email email;
    schema::password_text password;
};
BOOST_DESCRIBE_STRUCT(credentials, (), (email, password))

struct task_patch {
    schema::change<schema::text<1, 20>> title;
    schema::patch<utc_time> due_at;
};
BOOST_DESCRIBE_STRUCT(task_patch, (), (title, due_at))

struct nothing {};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

struct dated {
    utc_time at;
};
BOOST_DESCRIBE_STRUCT(dated, (), (at))
struct event : dated {
    bool done;
};
BOOST_DESCRIBE_STRUCT(event, (dated), (done))

template <std::int64_t Min, std::int64_t Max>
std::string integer_problem(std::string_view text) {
    return problems_of(schema::parse<schema::integer<Min, Max>>(text));
}

}  // namespace

TEST_CASE("parse: reads every member", "[schema]") {
    const auto task = schema::parse<task_input>(
        R"({"title":"Caulk","description":"the hull","completed":true,"priority_level":"high",)"
        R"("due_at":"2026-01-31T10:30:00+01:00"})");
    REQUIRE(problems_of(task) == "");
    CHECK(task->title.str() == "Caulk");
    CHECK(task->description->str() == "the hull");
    CHECK(*task->completed);
    CHECK(*task->priority_level == priority::high);
    CHECK(to_rfc3339(task->due_at.value()) == "2026-01-31T09:30:00.000Z");
}

TEST_CASE("parse: what is left out gets its default", "[schema]") {
    const auto task = schema::parse<task_input>(R"({"title":"Caulk"})");
    REQUIRE(problems_of(task) == "");
    CHECK(task->description->str().empty());
    CHECK_FALSE(*task->completed);
    CHECK(*task->priority_level == priority::medium);
    CHECK_FALSE(task->due_at);
    CHECK_FALSE(schema::parse<task_input>(R"({"title":"Caulk","due_at":null})")->due_at);
}

TEST_CASE("parse: every wrong member is reported at once, with its own pointer", "[schema]") {
    const auto answer = schema::parse<task_input>(
        R"({"title":"","description":7,"completed":"yes","priority_level":"urgent",)"
        R"("due_at":"tomorrow","x":1,"y":2})");
    CHECK(problems_of(answer) ==
          "/title too_short, /description wrong_type, /completed wrong_type, /priority_level not_one_of, "
          "/due_at invalid_format, /x unknown_member, /y unknown_member");
    CHECK(answer.error().code == errc::validation_failed);
    CHECK(answer.error().detail == "7 values are not valid.");
    CHECK(answer.error().fields[3].detail == "must be one of: low, medium, high");
}

TEST_CASE("parse: one rule at a time", "[schema]") {
    const struct {
        std::string body;
        std::string problems;
    } cases[] = {
        {"{}", "/title required"},
        {R"({"title":null})", "/title null_not_allowed"},
        {R"({"title":"a","completed":null})", "/completed null_not_allowed"},
        {R"({"title":"a","description":null})", "/description null_not_allowed"},
        {R"({"title":"a","completed":1})", "/completed wrong_type"},
        {R"({"title":"a","priority_level":1})", "/priority_level wrong_type"},
        {R"({"title":"a","due_at":1})", "/due_at wrong_type"},
        {R"({"title":"  "})", "/title blank"},
        {R"({"title":"123456789012345678901"})", "/title too_long"},
        {R"({"title":["a"]})", "/title wrong_type"},
        {R"({"Title":"a"})", "/title required, /Title unknown_member"},
        {R"({"title":"a","a/b~c":1})", "/a~1b~0c unknown_member"},
        {R"({"title":"a","":1})", "/ unknown_member"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.body);
        CHECK(problems_of(schema::parse<task_input>(c.body)) == c.problems);
    }
    CHECK(schema::parse<task_input>("{}").error().detail == "One value is not valid.");
}

TEST_CASE("parse: a body that is no object is wrong as a whole", "[schema]") {
    for (const auto* body : {"null", "1", "\"a\"", "[]", "true", "[{\"title\":\"a\"}]"}) {
        CAPTURE(body);
        CHECK(problems_of(schema::parse<task_input>(body)) == " wrong_type");
    }
}

TEST_CASE("parse: what is not JSON is malformed", "[schema]") {
    for (const auto* body :
         {"", "{", "{}x", "{\"title\":\"a\",\"title\":\"b\"}", "{'title':'a'}", "{\"title\":\"\xff\"}"}) {
        CAPTURE(body);
        CHECK(problems_of(schema::parse<task_input>(body)) == "malformed-request");
    }
}

TEST_CASE("parse: nested objects and arrays have pointers into them", "[schema]") {
    const auto answer = schema::parse<basket>(R"({
        "id":"01890a5d-ac96-774b-bcce-b302099a805", "owner":"nobody", "first":{"name":"toolong","extra":true},
        "items":[{"name":"a","count":1},null,7,{"name":"","count":10,"a/b":0}], "numbers":[1,null,"x"]})");
    CHECK(problems_of(answer) ==
          "/id invalid_format, /owner invalid_format, /first/name too_long, /first/count required, "
          "/first/extra unknown_member, /items/1 null_not_allowed, /items/2 wrong_type, /items/3/name "
          "too_short, "
          "/items/3/count out_of_range, /items/3/a~1b unknown_member, /numbers/2 wrong_type");
}

TEST_CASE("parse: arrays are bounded before their items are looked at", "[schema]") {
    const std::string head = R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","owner":"a@b.co",)"
                             R"("first":{"name":"a","count":1},)";
    CHECK(problems_of(schema::parse<basket>(head + R"("items":[1,2,3,4,5],"numbers":[]})")) ==
          "/items too_many_items");
    CHECK(problems_of(schema::parse<basket>(head + R"("items":[],"numbers":{}})")) ==
          "/items too_few_items, /numbers wrong_type");
    const auto good = schema::parse<basket>(head + R"("items":[{"name":"b","count":2}],"numbers":[5,null]})");
    REQUIRE(problems_of(good) == "");
    CHECK(good->items[0].name.str() == "b");
    CHECK(good->numbers[0] == 5);
    CHECK_FALSE(good->numbers[1]);
}

TEST_CASE("parse: the number of reported problems is bounded", "[schema]") {
    std::string body = R"({"title":"a")";
    for (int i = 0; i < 900; ++i) body += ",\"m" + std::to_string(i) + "\":0";
    const auto answer = schema::parse<task_input>(body + "}");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().fields.size() == schema::max_problems);
}

TEST_CASE("parse: integers", "[schema]") {
    const struct {
        std::string text;
        std::string problems;
    } cases[] = {
        {"1", ""},
        {"9", ""},
        {"9.0", ""},
        {"0", " out_of_range"},
        {"10", " out_of_range"},
        {"-1", " out_of_range"},
        {"1.5", " wrong_type"},
        {"\"1\"", " wrong_type"},
        {"true", " wrong_type"},
        {"[]", " wrong_type"},
        {"18446744073709551615", " out_of_range"},
        {"18446744073709551616", " out_of_range"},
        {"-9223372036854775809", " out_of_range"},
        {"1e300", " out_of_range"},
        {"1e-300", " wrong_type"},
        {"1e999", "malformed-request"},
        {"01", "malformed-request"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK((integer_problem<1, 9>(c.text)) == c.problems);
    }
}

TEST_CASE("parse: integers at the edges of 64 bits", "[schema]") {
    CHECK(schema::parse<std::int64_t>("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
    CHECK(schema::parse<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
    CHECK(problems_of(schema::parse<std::int64_t>("9223372036854775808")) == " out_of_range");
    CHECK(problems_of(schema::parse<std::int64_t>("9007199254740993.0")) == "");  // rounds to 2^53
    CHECK(problems_of(schema::parse<std::int64_t>("9007199254740994.0")) == " out_of_range");
    CHECK(schema::parse<std::int64_t>("-0") == 0);
    CHECK(schema::parse<std::int64_t>("-0.0") == 0);
}

TEST_CASE("parse: passwords", "[schema]") {
    const auto answer = schema::parse<credentials>(R"({"email":"Ada@Example.com","password":" p\u00e4ss "})");
    REQUIRE(problems_of(answer) == "");
    CHECK(answer->email.str() == "ada@example.com");
    CHECK(answer->password.reveal() == " p\u00e4ss ");
    CHECK(problems_of(schema::parse<credentials>(R"({"email":"a@b.co","password":""})")) ==
          "/password too_short");
    const auto long_one = std::string(1025, 'x');
    const auto refused = schema::parse<credentials>(R"({"email":"a@b.co","password":")" + long_one + "\"}");
    CHECK(problems_of(refused) == "/password too_long");
    CHECK(refused.error().fields[0].detail == "must have at most 1024 bytes");
}

TEST_CASE("parse: a merge patch tells absent from null", "[schema]") {
    const auto none = schema::parse<task_patch>("{}");
    REQUIRE(problems_of(none) == "");
    CHECK_FALSE(none->title.given());
    CHECK_FALSE(none->due_at.given());
    const auto cleared = schema::parse<task_patch>(R"({"due_at":null})");
    REQUIRE(problems_of(cleared) == "");
    CHECK(cleared->due_at.is_null());
    const auto set = schema::parse<task_patch>(R"({"title":"b","due_at":"2026-01-01T00:00:00Z"})");
    REQUIRE(problems_of(set) == "");
    CHECK(set->title.value().str() == "b");
    CHECK(set->due_at.value().has_value());
    CHECK(problems_of(schema::parse<task_patch>(R"({"title":null,"due_at":""})")) ==
          "/title null_not_allowed, /due_at invalid_format");
}

TEST_CASE("parse: inherited members and empty structs", "[schema]") {
    CHECK(problems_of(schema::parse<event>(R"({"at":"2026-01-01T00:00:00Z","done":true})")) == "");
    CHECK(problems_of(schema::parse<event>("{}")) == "/at required, /done required");
    CHECK(problems_of(schema::parse<nothing>("{}")) == "");
    CHECK(problems_of(schema::parse<nothing>(R"({"a":1})")) == "/a unknown_member");
}

TEST_CASE("from_json: refuses NUL even when the document did not come from the strict parser", "[schema]") {
    const json::value document{{"title", std::string("a\0b", 3)}};
    CHECK(problems_of(schema::from_json<task_input>(document)) == "/title invalid_format");
}
