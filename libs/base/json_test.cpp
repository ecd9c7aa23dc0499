// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <boost/json/serialize.hpp>
#include <limits>
#include <string>

#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace std::string_literals;

namespace {

std::string repeat(std::string_view piece, std::size_t times) {
    std::string out;
    out.reserve(piece.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

/// What is wrong, or "ok".
std::string verdict(std::string_view text, json_limits limits = {}) {
    const auto value = parse_json(text, limits);
    if (value) return "ok";
    return value.error().code == errc::malformed_request ? value.error().detail : "wrong errc";
}

bool refused(std::string_view text) { return verdict(text).starts_with("JSON: "); }

}  // namespace

TEST_CASE("json: accepts what RFC 8259 allows", "[base]") {
    const struct {
        std::string text;
        std::string canonical;
    } cases[] = {
        {"{}", "{}"},
        {" \t\r\n[ 1 , 2 ]\n", "[1,2]"},
        {"\"a\"", "\"a\""},
        {"null", "null"},
        {"-0", "0"},
        {"1.5e3", "1.5E3"},
        {"0.1", "1E-1"},
        {R"("\u00e9\/\b\f\n\r\t\"\\")", "\"\u00e9/\\b\\f\\n\\r\\t\\\"\\\\\""},
        {R"("\ud83d\ude00")", "\"\U0001f600\""},
        {"\"\U0010ffff\u2028\x7f\"", "\"\U0010ffff\u2028\x7f\""},
        {R"({"":{"a":[{"a":1},{"a":2}]}})", R"({"":{"a":[{"a":1},{"a":2}]}})"},
        {R"({"a":1,"A":2,"a ":3})", R"({"a":1,"A":2,"a ":3})"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        const auto value = parse_json(c.text);
        REQUIRE(value);
        CHECK(json::serialize(*value) == c.canonical);
    }
}

TEST_CASE("json: refuses what is not JSON", "[base]") {
    for (const std::string& text : {""s,
                                    " "s,
                                    "\n"s,
                                    "{"s,
                                    "["s,
                                    "\""s,
                                    "{\"a\""s,
                                    "{\"a\":"s,
                                    "{\"a\":1"s,
                                    "[1"s,
                                    "nul"s,
                                    "nullx"s,
                                    "True"s,
                                    "01"s,
                                    "-"s,
                                    "-01"s,
                                    "1."s,
                                    ".5"s,
                                    "+1"s,
                                    "1e"s,
                                    "1e+"s,
                                    "0x10"s,
                                    "1_000"s,
                                    "NaN"s,
                                    "Infinity"s,
                                    "-Infinity"s,
                                    "[1,]"s,
                                    "[,1]"s,
                                    "[1 2]"s,
                                    "{\"a\":1,}"s,
                                    "{,}"s,
                                    "{a:1}"s,
                                    "{'a':1}"s,
                                    "'a'"s,
                                    "{\"a\" 1}"s,
                                    "{1:1}"s,
                                    "//c\n1"s,
                                    "/*c*/1"s,
                                    "1//c"s,
                                    "\xef\xbb\xbf{}"s,
                                    "\"a\tb\""s,
                                    "\"a\nb\""s,
                                    "\"\x01\""s,
                                    "\"\\x41\""s,
                                    "\"\\u12\""s,
                                    "\"\\u12g4\""s,
                                    "\"\\'\""s,
                                    "\v1"s,
                                    "\f1"s,
                                    "\u00a0"
                                    "1"s,
                                    "\0"s,
                                    "1\0"s,
                                    "{}\0"s}) {
        CAPTURE(text);
        CHECK(refused(text));
    }
    CHECK(refused(std::string_view{}));
}

TEST_CASE("json: refuses anything after the document", "[base]") {
    for (const auto* text : {"{}{}", "{} x", "1 1", "[]]", "{}}", "\"a\"\"b\"", "null,", "{}\n{}"}) {
        CAPTURE(text);
        CHECK(verdict(text).find("extra data") != std::string::npos);
    }
}

TEST_CASE("json: refuses duplicate members at any depth and in any spelling", "[base]") {
    const struct {
        std::string text;
        std::string name;
    } cases[] = {
        {R"({"a":1,"a":1})", "a"},
        {R"({"a":1,"b":2,"c":3,"a":4})", "a"},
        {R"({"x":{"a":1,"b":0,"a":2}})", "a"},
        {R"([[{"y":{"z":1,"z":2}}]])", "z"},
        {R"({"a":{"a":1},"b":[{"a":1}],"a":0})", "a"},
        {R"({"a":1,"\u0061":2})", "a"},
        {R"({"":1,"":2})", ""},
        {"{\"\\u00e9\":1,\"\u00e9\":2}", "\u00e9"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(verdict(c.text) == "JSON: member \"" + c.name + "\" appears twice");
    }
    const auto name = std::string(5000, 'n');
    CHECK(verdict("{\"" + name + "\":1,\"" + name + "\":2}") == "JSON: a member appears twice");
}

TEST_CASE("json: refuses NUL in strings and in names", "[base]") {
    for (const auto* text : {R"("\u0000")", R"("a\u0000b")", R"({"a\u0000":1})", R"([["\u0000"]])"}) {
        CAPTURE(text);
        CHECK(verdict(text) == "JSON: a string contains NUL");
    }
    CHECK(refused("\"a\0b\""s));
    CHECK(refused("\"" + std::string(5000, 'a') + "\\u0000" + std::string(5000, 'a') + "\""));
}

TEST_CASE("json: refuses lone surrogates, escaped or raw", "[base]") {
    for (const auto* text :
         {R"("\ud800")", R"("\udbff")", R"("\udc00")", R"("\udfff")", R"("\ud800\ud800")", R"("\ud800a")",
          R"("\ud800\u0041")", R"("\ude00\ud83d")", R"("\ud83d\n")", R"({"\ud800":1})", "\"\xed\xa0\x80\"",
          "\"\xed\xbf\xbf\"", "\"\xed\xa0\xbd\xed\xb8\x80\""}) {
        CAPTURE(text);
        CHECK(refused(text));
    }
}

TEST_CASE("json: refuses invalid UTF-8", "[base]") {
    for (const std::string& bytes :
         {"\x80"s, "\xff"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc3"s, "\xc3("s, "\xe0\x80\x80"s, "\xe2\x82"s,
          "\xf0\x80\x80\x80"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xf0\x9f\x98"s}) {
        CAPTURE(bytes);
        CHECK(refused("\"" + bytes + "\""));
        CHECK(refused("\"" + std::string(4100, 'a') + bytes + "\""));
        CHECK(refused("{\"" + bytes + "\":1}"));
    }
}

TEST_CASE("json: refuses numbers that no double can hold", "[base]") {
    for (const auto* text :
         {"1e999", "-1e999", "1e309", "[1.8e308]", "{\"a\":-1.8e308}", "1e400000000000000000000"}) {
        CAPTURE(text);
        CHECK(refused(text));
    }
    CHECK(refused(std::string(400, '9')));
    CHECK(verdict("1e308") == "ok");
    CHECK(verdict("1e-999") == "ok");
}

TEST_CASE("json: big integers keep their value or become doubles", "[base]") {
    CHECK(parse_json("9223372036854775807")->as_int64() == std::numeric_limits<std::int64_t>::max());
    CHECK(parse_json("-9223372036854775808")->as_int64() == std::numeric_limits<std::int64_t>::min());
    CHECK(parse_json("9223372036854775808")->as_uint64() == 9223372036854775808U);
    CHECK(parse_json("18446744073709551615")->as_uint64() == std::numeric_limits<std::uint64_t>::max());
    for (const auto* text :
         {"18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"}) {
        CAPTURE(text);
        CHECK(parse_json(text)->is_double());
    }
}

TEST_CASE("json: depth is bounded, bombs are refused at once", "[base]") {
    CHECK(verdict(repeat("[", 32) + repeat("]", 32)) == "ok");
    CHECK(verdict(repeat("{\"a\":", 32) + "1" + repeat("}", 32)) == "ok");
    for (const std::size_t depth : {std::size_t{33}, std::size_t{100'000}}) {
        CHECK(verdict(repeat("[", depth) + repeat("]", depth)) == "JSON: too deep at byte 32");
        CHECK(verdict(repeat("[", depth)) == "JSON: too deep at byte 32");
        CHECK(verdict(repeat("{\"a\":", depth) + "1" + repeat("}", depth)) == "JSON: too deep at byte 160");
        CHECK(verdict(repeat("[{\"a\":", depth)).starts_with("JSON: too deep"));
    }
    CHECK(verdict("[[]]", {.depth = 2}) == "ok");
    CHECK(verdict("[[[]]]", {.depth = 2}) == "JSON: too deep at byte 2");
}

TEST_CASE("json: the members of one object are bounded", "[base]") {
    const auto object = [](std::size_t members) {
        std::string out = "{";
        for (std::size_t i = 0; i < members; ++i) out += (i ? ",\"m" : "\"m") + std::to_string(i) + "\":0";
        return out + "}";
    };
    CHECK(verdict(object(1000)) == "ok");
    CHECK(verdict(object(1001)) == "JSON: an object has more than 1000 members");
    CHECK(verdict("[" + object(2) + "," + object(2) + "]", {.members = 2}) == "ok");
    CHECK(verdict("[" + object(3) + "]", {.members = 2}) == "JSON: an object has more than 2 members");
}

TEST_CASE("json: a message never repeats bytes that cannot be sent", "[base]") {
    for (const std::string& text : {"{\"\xff\":1,\"\xff\":2}"s, "{\"a\n\":1,\"a\n\":1}"s, "\xff\xfe"s}) {
        const auto value = parse_json(text);
        REQUIRE_FALSE(value);
        CHECK(is_utf8(value.error().detail));
    }
}

TEST_CASE("append_json_string: every byte comes back", "[base]") {
    for (int c = 1; c < 128; ++c) {
        CAPTURE(c);
        const std::string text{'a', static_cast<char>(c), 'b'};
        std::string out = "x";
        append_json_string(out, text);
        REQUIRE(out.front() == 'x');
        CHECK(std::string_view(parse_json(std::string_view(out).substr(1))->as_string()) == text);
    }
    std::string out;
    append_json_string(out, "\0"s);
    append_json_string(out, "");
    append_json_string(out, "\u00e9\U0001f600");
    append_json_string(out, "\"\\/\n\r\t\b");
    CHECK(out == "\"\\u0000\"\"\"\"\u00e9\U0001f600\"\"\\\"\\\\/\\n\\r\\t\\u0008\"");
}
