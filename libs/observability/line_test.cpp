// SPDX-License-Identifier: Apache-2.0
#include "observability/line.hpp"

#include <boost/json/parse.hpp>
#include <cmath>
#include <limits>

#include "base/json.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace bulkhead::log;
using namespace std::string_literals;

namespace {

const auto noon = *parse_rfc3339("2026-01-31T12:00:00.123Z");

std::string as_json(std::string_view message, fields more = {}, std::string_view bound = {}) {
    std::string out;
    append_json_line(out, noon, level::info, message, bound, more);
    return out;
}

std::string as_pretty(std::string_view message, fields more = {}, std::string_view bound = {}) {
    std::string out;
    append_pretty_line(out, noon, level::info, message, bound, more);
    return out;
}

/// Everything a hostile client may put into a header or a path.
const std::string hostile[] = {"a\nb",
                               "a\r\nb",
                               "\"quote\\",
                               "\x1b[31mred",
                               "nul\0nul"s,
                               "\x7f",
                               "bad \xff utf-8",
                               "\xe2\x82",
                               "\xed\xa0\x80",
                               "\xc0\xaf",
                               "\xc2\x9b"
                               "31m",
                               "{\"level\":\"error\"}",
                               "\t",
                               "x\",\"y\":\"",
                               "\xf0\x9f\x9a\xa2",
                               "",
                               " = ",
                               std::string(100'000, '\n')};

}  // namespace

TEST_CASE("line: JSON", "[log]") {
    const secret hidden("hunter22");
    CHECK(as_json("ready") == R"({"time":"2026-01-31T12:00:00.123Z","level":"info","message":"ready"})");
    CHECK(as_json("m", {{"i", -5}, {"u", 5U}, {"b", true}, {"d", 0.25}, {"s", "text"}, {"p", hidden}}) ==
          R"({"time":"2026-01-31T12:00:00.123Z","level":"info","message":"m","i":-5,"u":5,"b":true,"d":0.25,)"
          R"("s":"text","p":"***[8 chars]***"})");
}

TEST_CASE("line: numbers JSON cannot hold", "[log]") {
    for (const auto odd : {std::nan(""), HUGE_VAL, -HUGE_VAL})
        CHECK(as_json("m", {{"d", odd}}).ends_with(R"("d":null})"));
    for (const double fine : {1e300, -1e-300, 1e20, 0.1, -0.0})
        CHECK(parse_json(as_json("m", {{"d", fine}})));
    CHECK(as_json("m", {{"n", std::numeric_limits<std::int64_t>::min()}}).ends_with("-9223372036854775808}"));
    CHECK(
        as_json("m", {{"n", std::numeric_limits<std::uint64_t>::max()}}).ends_with("18446744073709551615}"));
}

TEST_CASE("line: any text gives one valid line in either format", "[log]") {
    for (const auto& text : hostile) {
        std::string bound;
        append_field(bound, {text, text});
        for (const auto& line : {as_json(text, {{"key", text}, {text, 1}}, bound),
                                 as_pretty(text, {{"key", text}, {text, 1}}, bound)}) {
            INFO(line.substr(0, 300));
            CHECK(is_utf8(line));
            CHECK(line.size() < 6 * 6 * max_text_bytes);
            for (const char c : line) REQUIRE(static_cast<unsigned char>(c) >= 0x20);
        }
        std::string one;
        append_json_line(one, noon, level::warn, text, {}, {{"key", text}});
        const auto parsed = json::parse(one);
        if (is_utf8(text) && text.size() <= max_text_bytes) CHECK(parsed.at("key").as_string() == text);
    }
}

TEST_CASE("line: plain lines carry no terminal escapes", "[log]") {
    for (const auto& text : hostile) {
        const auto line = as_pretty(text, {{"key", text}});
        CHECK(line.find('\x1b') == std::string::npos);
        CHECK(line.find('\x7f') == std::string::npos);
        CHECK(line.find("\xc2\x9b") == std::string::npos);
    }
    CHECK(as_pretty("a\nb\x1b[0m\x7f\xc2\x9b") == "12:00:00.123 INFO  a\\nb\\x1b[0m\\x7f\\x9b");
}

TEST_CASE("line: plain fields", "[log]") {
    std::string bound;
    append_field(bound, {"request_id", "r-1"});
    append_field(bound, {"tenant", "acme"});
    CHECK(as_pretty("done",
                    {{"path", "/a b"}, {"ms", 1.5}, {"ok", false}, {"empty", ""}, {"eq", "a=b"}, {"q", "\""}},
                    bound) ==
          R"(12:00:00.123 INFO  done  request_id=r-1 tenant=acme path="/a b" ms=1.5 ok=false )"
          R"(empty="" eq="a=b" q="\"")");
    CHECK(as_pretty("done") == "12:00:00.123 INFO  done");
    CHECK(as_pretty("x").substr(pretty_level_at, pretty_level_width) == "INFO ");
}

TEST_CASE("line: long texts are cut", "[log]") {
    const auto line = as_json(std::string(max_text_bytes + 1, 'x'));
    CHECK(line.find("x...[cut]\"") != std::string::npos);
    CHECK(line.size() < max_text_bytes + 200);
    std::string wide(max_text_bytes - 1, 'x');
    wide += "\xf0\x9f\x9a\xa2";  // cut in its middle
    CHECK(is_utf8(as_json(wide)));
    CHECK(as_json(std::string(max_text_bytes, 'x')).find("[cut]") == std::string::npos);
}
