// SPDX-License-Identifier: Apache-2.0
#include "features/platform/cursor.hpp"

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::platform;

TEST_CASE("platform cursor: leads back to its row, in its own list only", "[platform]") {
    const auto cursor = make_cursor("tenants/active/", "acme");
    REQUIRE(read_cursor("tenants/active/", cursor).value() == "acme");
    for (const auto* const other : {"tenants//", "tenants/active/x", "audit/"})
        REQUIRE(read_cursor(other, cursor).error().fields.front().pointer == "/query/cursor");
}

TEST_CASE("platform cursor: what was not made here is refused", "[platform]") {
    const auto cursor = make_cursor("audit/", "17");
    for (const auto& bad :
         {std::string(), std::string("17"), std::string("%"), cursor + "A", cursor.substr(1),
          cursor.substr(0, 8), to_base64url("123456\xff"), to_base64url("1234567")})
        REQUIRE(read_cursor("audit/", bad).error().code == errc::validation_failed);
    // Also one that somebody has computed: it would reach the database.
    REQUIRE_FALSE(read_cursor("audit/", make_cursor("audit/", "\xff")));
    REQUIRE_FALSE(read_cursor("audit/", make_cursor("audit/", std::string_view("a\0b", 3))));
}
