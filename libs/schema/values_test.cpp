// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <stdexcept>
#include <string>

#include "base/testing/catch.hpp"
#include "schema/schema.hpp"

using namespace bulkhead;
using namespace std::string_literals;

namespace {

enum class priority { low, medium, high };
BOOST_DESCRIBE_ENUM(priority, low, medium, high)

enum class order { oldest, newest };
constexpr auto spellings_of(std::type_identity<order>) {
    return std::to_array<schema::spelling<order>>(
        {{order::oldest, "created_at"}, {order::newest, "-created_at"}});
}

std::string text_code(std::string_view value, std::size_t min, std::size_t max) {
    const auto broken = schema::check_text(value, min, max);
    return broken ? std::string(broken->code) : "ok";
}

std::string repeat(std::string_view piece, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

}  // namespace

static_assert(!std::is_default_constructible_v<schema::text<1, 5>>);
static_assert(std::is_default_constructible_v<schema::text<0, 5>>);
static_assert(!std::is_convertible_v<std::string, schema::text<0, 5>>);
static_assert(!std::is_default_constructible_v<schema::email>);
static_assert(!std::is_default_constructible_v<schema::password_text>);
static_assert(!std::is_default_constructible_v<schema::integer<1, 5>>);
static_assert(std::is_default_constructible_v<schema::integer<-1, 5>>);
static_assert(!std::is_default_constructible_v<schema::bounded<bool, 3, 1>>);
static_assert(!schema::writable<schema::password_text>);
static_assert(!schema::query_readable<schema::password_text>);
static_assert(!schema::readable<std::string>);
static_assert(!schema::readable<std::vector<uuid>>);

TEST_CASE("text: length counts code points", "[schema]") {
    const struct {
        std::string value;
        std::string code;
    } cases[] = {
        {"", "too_short"},
        {"a", "ok"},
        {"abcde", "ok"},
        {"abcdef", "too_long"},
        {repeat("\u00e9", 5), "ok"},
        {repeat("\U0001f600", 5), "ok"},
        {repeat("\U0001f600", 6), "too_long"},
        {"\xff", "invalid_format"},
        {"a\xc3", "invalid_format"},
        {"\xed\xa0\x80", "invalid_format"},
        {"a\0b"s, "invalid_format"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.value);
        CHECK(text_code(c.value, 1, 5) == c.code);
    }
    CHECK(text_code("", 0, 5) == "ok");
    CHECK(schema::check_text("", 1, 5)->detail == "must have at least 1 character");
    CHECK(schema::check_text("abc", 0, 2)->detail == "must have at most 2 characters");
}

TEST_CASE("text: white space alone is blank unless empty is allowed", "[schema]") {
    for (const std::string value : {" ", "\t\n\r\v\f", "\u00a0", "\u2003\u3000", "\u2028\u2029\u202f\u205f",
                                    "\u0085", "\u1680\u2000\u200a"}) {
        CAPTURE(value);
        CHECK(text_code(value, 1, 9) == "blank");
        CHECK(text_code(value, 0, 9) == "ok");
        CHECK(text_code(value + "x", 1, 9) == "ok");
        CHECK(text_code("\u3042" + value, 1, 9) == "ok");
    }
    CHECK_FALSE(schema::is_blank("\u200b"));  // not White_Space
    CHECK(schema::is_blank(""));
}

TEST_CASE("text: explicit construction checks", "[schema]") {
    CHECK(schema::text<1, 3>("abc").str() == "abc");
    CHECK_THROWS_AS((schema::text<1, 3>("abcd")), std::invalid_argument);
    CHECK_THROWS_AS((schema::text<1, 3>("")), std::invalid_argument);
    CHECK_THROWS_AS((schema::text<1, 3>("  ")), std::invalid_argument);
    CHECK((schema::text<0, 3>().str().empty()));
}

TEST_CASE("email: the practical grammar", "[schema]") {
    const auto local64 = std::string(64, 'a');
    const auto label63 = std::string(63, 'b');
    const auto long_domain = label63 + "." + label63 + "." + label63 + ".com";
    for (const std::string& good :
         {"ada@example.com"s, "a@b.co"s, "first.last+tag@sub.example.co.uk"s, "o'brien@x-y.org"s,
          "!#$%&'*+-/=?^_`{|}~@example.com"s, "1@2.3a"s, local64 + "@example.com", "x@" + label63 + ".com",
          std::string(254 - 1 - long_domain.size(), 'a') + "@" + long_domain}) {
        CAPTURE(good);
        REQUIRE(schema::email::parse(good));
        CHECK(schema::email::parse(good)->str() == good);
    }
    for (const std::string& bad : {""s,
                                   "@"s,
                                   "a@"s,
                                   "@b.co"s,
                                   "ada"s,
                                   "ada@localhost"s,
                                   "ada@@example.com"s,
                                   "a@b@example.com"s,
                                   ".a@example.com"s,
                                   "a.@example.com"s,
                                   "a..b@example.com"s,
                                   "a b@example.com"s,
                                   " a@example.com"s,
                                   "a@example.com "s,
                                   "a@example.com\n"s,
                                   "a@example..com"s,
                                   "a@.example.com"s,
                                   "a@example.com."s,
                                   "a@-x.com"s,
                                   "a@x-.com"s,
                                   "a@ex_ample.com"s,
                                   "a@1.2.3.4"s,
                                   "a@[1.2.3.4]"s,
                                   "\"a b\"@example.com"s,
                                   "a(c)@example.com"s,
                                   "\u00e4@example.com"s,
                                   "a@ex\u00e4mple.com"s,
                                   "a\0b@example.com"s,
                                   "a@exa\0mple.com"s,
                                   "<a@example.com>"s,
                                   "a,b@example.com"s,
                                   local64 + "a@example.com",
                                   "x@" + label63 + "b.com",
                                   std::string(254 - long_domain.size(), 'a') + "@" + long_domain,
                                   std::string(100000, 'a')}) {
        CAPTURE(bad.substr(0, 80));
        CHECK_FALSE(schema::email::parse(bad));
    }
}

TEST_CASE("email: is kept in lower case", "[schema]") {
    CHECK(schema::email::parse("Ada.Lovelace@EXAMPLE.Com")->str() == "ada.lovelace@example.com");
    CHECK(*schema::email::parse("ADA@example.com") == *schema::email::parse("ada@EXAMPLE.com"));
}

TEST_CASE("password_text: bounded, never formatted in the clear", "[schema]") {
    CHECK(schema::password_text(secret("hunter22")).reveal() == "hunter22");
    CHECK(schema::password_text(secret(std::string(1024, 'x'))).value().size() == 1024);
    CHECK_THROWS_AS(schema::password_text(secret()), std::invalid_argument);
    CHECK_THROWS_AS(schema::password_text(secret(std::string(1025, 'x'))), std::invalid_argument);
}

TEST_CASE("integer and bounded: explicit construction checks", "[schema]") {
    CHECK((schema::integer<1, 100>(100).value() == 100));
    CHECK_THROWS_AS((schema::integer<1, 100>(0)), std::out_of_range);
    CHECK_THROWS_AS((schema::integer<1, 100>(101)), std::out_of_range);
    using pair = schema::bounded<std::int64_t, 2, 1>;
    CHECK(pair({1, 2}).size() == 2);
    CHECK(pair({1, 2})[1] == 2);
    CHECK_THROWS_AS(pair({1, 2, 3}), std::length_error);
    CHECK_THROWS_AS(pair(std::vector<std::int64_t>{}), std::length_error);
}

TEST_CASE("enums: text both ways", "[schema]") {
    CHECK(schema::enum_name(priority::medium) == "medium");
    CHECK(schema::enum_from<priority>("high") == priority::high);
    for (const auto* bad : {"", "High", " high", "hig", "highh", "3"})
        CHECK_FALSE(schema::enum_from<priority>(bad));
    CHECK(schema::enum_names<priority>() == std::vector<std::string_view>{"low", "medium", "high"});
}

TEST_CASE("enums: spellings that are no identifiers", "[schema]") {
    CHECK(schema::enum_name(order::newest) == "-created_at");
    CHECK(schema::enum_from<order>("-created_at") == order::newest);
    CHECK(schema::enum_from<order>("created_at") == order::oldest);
    CHECK_FALSE(schema::enum_from<order>("newest"));
}

TEST_CASE("enums: a value outside the table is a bug", "[schema]") {
    CHECK_THROWS_AS(schema::enum_name(static_cast<priority>(7)), std::logic_error);
}

TEST_CASE("change and patch: tell absent, null and a value apart", "[schema]") {
    const schema::change<bool> kept;
    const schema::change<bool> set = true;
    CHECK_FALSE(kept.given());
    CHECK_THROWS_AS(kept.value(), std::bad_optional_access);
    CHECK(set.given());
    CHECK(set.value());

    const schema::patch<bool> absent;
    const schema::patch<bool> null = std::nullopt;
    const schema::patch<bool> value = false;
    CHECK_FALSE(absent.given());
    CHECK_FALSE(absent.is_null());
    CHECK(null.given());
    CHECK(null.is_null());
    CHECK_FALSE(null.value());
    CHECK(value.given());
    CHECK_FALSE(value.is_null());
    CHECK(value.value() == false);
    CHECK_FALSE(absent == null);
}
