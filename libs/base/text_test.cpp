// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <string>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::string_literals;

TEST_CASE("text: ASCII case only", "[base]") {
    CHECK(iequals("Content-TYPE", "content-type"));
    CHECK(iequals("", ""));
    CHECK_FALSE(iequals("a", "ab"));
    CHECK_FALSE(iequals("[", "{"));  // 32 apart, no letters
    CHECK_FALSE(iequals("@", "`"));
    CHECK_FALSE(iequals("\u00c4", "\u00e4"));
    CHECK_FALSE(iequals("\u212a", "k"));  // KELVIN SIGN
    CHECK(to_lower("AbC[\u00c4]Z") == "abc[\u00c4]z");
}

TEST_CASE("text: trim", "[base]") {
    CHECK(trim(" \t\r\n a b \n") == "a b");
    CHECK(trim("a") == "a");
    CHECK(trim("") == "");
    CHECK(trim(" \t ") == "");
    CHECK(trim("\va\u00a0") == "\va\u00a0");
    CHECK(trim("\0 "s) == "\0"s);
}

TEST_CASE("text: split keeps empty pieces", "[base]") {
    using pieces = std::vector<std::string_view>;
    CHECK(split("a,b", ',') == pieces{"a", "b"});
    CHECK(split("", ',') == pieces{""});
    CHECK(split(",", ',') == pieces{"", ""});
    CHECK(split(",a,,", ',') == pieces{"", "a", "", ""});
    CHECK(split("abc", ',') == pieces{"abc"});
}

TEST_CASE("text: well-formed UTF-8 (Unicode table 3-7)", "[base]") {
    for (const std::string& good :
         {""s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s,
          "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "a\u00e9\u20ac\U0001f600z"s}) {
        CAPTURE(good);
        CHECK(is_utf8(good));
    }
    for (const std::string& bad : {"\x80"s,
                                   "\xbf"s,
                                   "\xc0\xaf"s,
                                   "\xc1\xbf"s,
                                   "\xc2"s,
                                   "\xc2\x7f"s,
                                   "\xc2\xc0"s,
                                   "\xe0\x9f\xbf"s,
                                   "\xe0\xa0"s,
                                   "\xe1\x80\x7f"s,
                                   "\xed\xa0\x80"s,
                                   "\xed\xbf\xbf"s,
                                   "\xf0\x8f\xbf\xbf"s,
                                   "\xf0\x90\x80"s,
                                   "\xf4\x90\x80\x80"s,
                                   "\xf5\x80\x80\x80"s,
                                   "\xf8\x88\x80\x80\x80"s,
                                   "\xfe"s,
                                   "\xff"s,
                                   "ok\xe2\x82"s,
                                   "\xf0\x90\x80\xc0"s}) {
        CAPTURE(bad);
        CHECK_FALSE(is_utf8(bad));
        CHECK_FALSE(is_utf8("a" + bad + "a"));
    }
}

TEST_CASE("text: code points", "[base]") {
    CHECK(count_code_points("") == 0);
    CHECK(count_code_points("abc") == 3);
    CHECK(count_code_points("\u00e9\u20ac\U0001f600") == 3);
    CHECK(count_code_points("e\u0301") == 2);  // a combining accent counts
}

TEST_CASE("text: percent_decode decodes once", "[base]") {
    const struct {
        std::string text;
        std::optional<std::string> plain, query;
    } cases[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"a%20b", "a b", "a b"},
        {"a+b", "a+b", "a b"},
        {"%2B+", "++", "+ "},
        {"%2525", "%25", "%25"},
        {"%00", "\0"s, "\0"s},
        {"%C3%a9", "\u00e9", "\u00e9"},
        {"%ff", "\xff", "\xff"},
        {"%", std::nullopt, std::nullopt},
        {"%2", std::nullopt, std::nullopt},
        {"a%", std::nullopt, std::nullopt},
        {"%%41", std::nullopt, std::nullopt},
        {"%g0", std::nullopt, std::nullopt},
        {"%0g", std::nullopt, std::nullopt},
        {"% 1", std::nullopt, std::nullopt},
        {"%+1", std::nullopt, std::nullopt},
        {"%u0041", std::nullopt, std::nullopt},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(percent_decode(c.text, false) == c.plain);
        CHECK(percent_decode(c.text, true) == c.query);
    }
}

TEST_CASE("text: percent_encode keeps only unreserved characters", "[base]") {
    CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
    CHECK(percent_encode(" +/?#%&=:@") == "%20%2B%2F%3F%23%25%26%3D%3A%40");
    CHECK(percent_encode("\u00e9\0"s) == "%C3%A9%00");
    std::string every;
    for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
    CHECK(percent_decode(percent_encode(every), true) == every);
    CHECK(percent_decode(percent_encode(every), false) == every);
}
