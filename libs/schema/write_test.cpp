// SPDX-License-Identifier: Apache-2.0
#include <boost/json/parse.hpp>
#include <random>
#include <string>

#include "base/testing/catch.hpp"
#include "schema/schema.hpp"
#include "schema/testing/problems.hpp"

using namespace bulkhead;

namespace {

enum class priority { low, medium, high };
BOOST_DESCRIBE_ENUM(priority, low, medium, high)

struct task {
    uuid id;
    std::string title;
    bool completed = false;
    priority level = priority::low;
    std::optional<utc_time> due_at;
    std::int64_t version = 1;
};
BOOST_DESCRIBE_STRUCT(task, (), (id, title, completed, level, due_at, version))

template <class T>
struct page {
    std::vector<T> items;
    std::optional<std::string> next_cursor;
    BOOST_DESCRIBE_CLASS(page, (), (items, next_cursor), (), ())
};

struct nothing {};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

struct line {
    schema::text<1, 6> label;
    std::optional<schema::integer<-1000, 1000>> amount;
    friend bool operator==(const line&, const line&) = default;
};
BOOST_DESCRIBE_STRUCT(line, (), (label, amount))

struct order {
    uuid id;
    schema::email customer;
    schema::or_default<priority, priority::medium> level;
    schema::or_default<schema::text<0, 12>> note;
    std::optional<utc_time> due_at;
    schema::bounded<line, 5> lines;
    std::int64_t total = 0;
    friend bool operator==(const order&, const order&) = default;
};
BOOST_DESCRIBE_STRUCT(order, (), (id, customer, level, note, due_at, lines, total))

/// Up to `longest` code points of every plane and length.
std::string random_text(std::mt19937& random, std::size_t shortest, std::size_t longest) {
    static const std::string pieces[] = {"a",    "\"",   "\\",   "/",      "\n",     "\t",
                                         "\x01", "\x1f", "\x7f", "\u00e9", "\u2028", "\U0001f600"};
    std::string out;
    for (auto left = std::uniform_int_distribution(shortest, longest)(random); left > 0; --left)
        out += pieces[random() % std::size(pieces)];
    return out;
}

std::optional<schema::integer<-1000, 1000>> random_amount(std::mt19937& random) {
    if (random() % 4 == 0) return std::nullopt;
    return schema::integer<-1000, 1000>(std::uniform_int_distribution<std::int64_t>(-1000, 1000)(random));
}

order random_order(std::mt19937& random) {
    std::vector<line> lines;
    for (auto n = random() % 6; n > 0; --n)
        lines.push_back({schema::text<1, 6>("x" + random_text(random, 0, 5)), random_amount(random)});
    std::optional<utc_time> due;
    if (random() % 2 == 0)
        due = utc_time(std::chrono::milliseconds(
            std::uniform_int_distribution<std::int64_t>(-62'135'596'800'000, 253'402'300'799'999)(random)));
    return {.id = uuid::generate(),
            .customer = *schema::email::parse("c" + std::to_string(random()) + "@example.com"),
            .level = static_cast<priority>(random() % 3),
            .note = schema::text<0, 12>(random_text(random, 0, 12)),
            .due_at = due,
            .lines = schema::bounded<line, 5>(std::move(lines)),
            .total = std::uniform_int_distribution<std::int64_t>(std::numeric_limits<std::int64_t>::min())(
                random)};
}

}  // namespace

TEST_CASE("write_json: members in order, appended", "[schema]") {
    const task value{.id = *uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057"),
                     .title = "Caulk",
                     .due_at = parse_rfc3339("2026-01-31T09:30:00.123456Z"),
                     .version = -3};
    std::string out = "before";
    schema::write_json(out, value);
    CHECK(out == R"(before{"id":"01890a5d-ac96-774b-bcce-b302099a8057","title":"Caulk","completed":false,)"
                 R"("level":"low","due_at":"2026-01-31T09:30:00.123Z","version":-3})");
}

TEST_CASE("write_json: lists, nulls and empty things", "[schema]") {
    CHECK(schema::to_json(page<task>{}) == R"({"items":[],"next_cursor":null})");
    CHECK(schema::to_json(page<std::string>{{"a", "b"}, "c"}) == R"({"items":["a","b"],"next_cursor":"c"})");
    CHECK(schema::to_json(page<nothing>{{{}, {}}, {}}) == R"({"items":[{},{}],"next_cursor":null})");
    CHECK(schema::to_json(std::vector<std::vector<bool>>{{}, {}}) == "[[],[]]");
    CHECK(schema::to_json(std::vector<bool>{true, false}) == "[true,false]");
    CHECK(schema::to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("write_json: text is escaped", "[schema]") {
    using namespace std::string_literals;
    const struct {
        std::string text;
        std::string json;
    } cases[] = {
        {"", R"("")"},
        {"say \"hi\"", R"("say \"hi\"")"},
        {"back\\slash", R"("back\\slash")"},
        {"</script>", R"("</script>")"},
        {"a\nb\rc\td", R"("a\nb\rc\td")"},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"a\0b"s, R"("a\u0000b")"},
        {"\u00e9\u2028\U0001f600", "\"\u00e9\u2028\U0001f600\""},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(schema::to_json(c.text) == c.json);
        CHECK(std::string_view(json::parse(c.json).as_string()) == c.text);
    }
}

TEST_CASE("write_json: what is written reads back as the same value", "[schema]") {
    std::mt19937 random(20260131);
    for (int i = 0; i < 500; ++i) {
        const auto value = random_order(random);
        const auto text = schema::to_json(value);
        CAPTURE(text);
        const auto again = schema::parse<order>(text);
        REQUIRE(schema::problems_of(again) == "");
        CHECK(*again == value);
    }
}
