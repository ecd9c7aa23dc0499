// SPDX-License-Identifier: Apache-2.0
#include "schema/page.hpp"

#include <vector>

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::schema;

namespace {

struct number_page {
    std::vector<int> items;
    std::optional<std::string> next_cursor;
};

struct numbers {
    std::vector<int> all;
    [[nodiscard]] int size() const { return static_cast<int>(all.size()); }
    int operator[](int at) const { return all[static_cast<std::size_t>(at)]; }
};

number_page cut(std::vector<int> rows, int limit) {
    return page_of<number_page>(
        numbers{std::move(rows)}, limit, [](int row) { return row * 10; },
        [](int last) { return std::to_string(last); });
}

constexpr std::string_view pointer_of(const auto& outcome) { return outcome.error().fields.front().pointer; }

}  // namespace

TEST_CASE("cursor: leads back to its row, in its own list only", "[schema]") {
    const auto cursor = make_cursor("tenants/active/", "acme");
    REQUIRE(read_cursor("tenants/active/", cursor).value() == "acme");
    for (const auto* const other : {"tenants//", "tenants/active/x", "audit/"})
        REQUIRE(pointer_of(read_cursor(other, cursor)) == "/query/cursor");
}

TEST_CASE("cursor: what was not made here is refused", "[schema]") {
    const auto cursor = make_cursor("audit/", "17");
    for (const auto& bad :
         {std::string(), std::string("17"), std::string("%"), cursor + "A", cursor.substr(1),
          cursor.substr(0, 8), to_base64url("123456\xff"), to_base64url("1234567")})
        REQUIRE(read_cursor("audit/", bad).error().code == errc::validation_failed);
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        auto edited = cursor;
        edited[i] = edited[i] == 'A' ? 'B' : 'A';
        REQUIRE_FALSE(read_cursor("audit/", edited));
    }
    // Also one that somebody has computed: it would reach the database.
    REQUIRE_FALSE(read_cursor("audit/", make_cursor("audit/", "\xff")));
    REQUIRE_FALSE(read_cursor("audit/", make_cursor("audit/", std::string_view("a\0b", 3))));
}

TEST_CASE("cursor: a value and the id beside it", "[schema]") {
    const auto id = uuid::generate();
    for (const auto* const value : {"", "-5",
                                    "Gr\xc3\xbc\xc3\x9f"
                                    "e / 100%"}) {
        const auto at = read_row_cursor("x", make_cursor("x", row_key{value, id}));
        REQUIRE(at);
        CHECK(at->value == value);
        CHECK(at->id == id);
    }
    for (const auto& bad : {std::string("x"), std::string(36, '-'), id.to_string().substr(1)})
        CHECK(pointer_of(read_row_cursor("x", make_cursor("x", bad))) == "/query/cursor");
}

TEST_CASE("cursor: numbers and times are whole, and times are ones that exist", "[schema]") {
    const auto now = utc_now();
    CHECK(read_key_time(key_value(now)).value() == now);
    CHECK(read_key_time(key_value(*parse_rfc3339("0001-01-01T00:00:00Z"))));
    CHECK(read_key_time(key_value(*parse_rfc3339("9999-12-31T23:59:59.999999Z"))));
    CHECK(read_key_number("-17").value() == -17);
    for (const auto* const bad : {"", "x", "1x", " 1", "+1", "1.5", "9223372036854775808"}) {
        CHECK(pointer_of(read_key_number(bad)) == "/query/cursor");
        CHECK(pointer_of(read_key_time(bad)) == "/query/cursor");
    }
    for (const auto* const far : {"9223372036854775807", "-9223372036854775808", "253402300800000000"})
        CHECK(pointer_of(read_key_time(far)) == "/query/cursor");
}

TEST_CASE("page: a row too many makes a cursor of the last one shown", "[schema]") {
    CHECK(cut({}, 2).items.empty());
    CHECK(cut({1, 2}, 2).items == std::vector{10, 20});
    CHECK_FALSE(cut({1, 2}, 2).next_cursor);
    CHECK(cut({1, 2, 3}, 2).items == std::vector{10, 20});
    CHECK(cut({1, 2, 3}, 2).next_cursor == "20");
}
