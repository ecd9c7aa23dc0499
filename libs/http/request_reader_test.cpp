// SPDX-License-Identifier: Apache-2.0
#include "http/request_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "base/testing/catch.hpp"
#include "http/request_line.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::string_literals;

namespace {

const limits defaults;

/// Parses a request that must be accepted whole.
void read_whole(std::string_view raw, request_head& head, const limits& bounds = defaults) {
    request_reader reader(bounds);
    const auto seen = reader.read_head(raw, head);
    INFO(raw << " -> " << seen.why.detail);
    REQUIRE(seen.state == progress::complete);
    REQUIRE(seen.consumed == raw.size());
}

read_outcome read_once(const std::string& raw, const limits& bounds) {
    request_reader reader(bounds);
    request_head head;
    return reader.read_head(raw, head);
}

std::string padded(std::string_view before, std::size_t size, std::string_view after) {
    return std::string(before) + std::string(size - before.size() - after.size(), 'x') + std::string(after);
}

}  // namespace

TEST_CASE("request_reader: a head in all its parts", "[http]") {
    const auto raw =
        "POST /a%20b/c?x=1&y=/?z HTTP/1.1\r\nhOsT: shop.example:8080\r\nX-Empty:\r\n"
        "X-Name:\t spaced out \t\r\nx-name: second\r\nContent-Length: 12\r\n\r\n"s;
    request_head head;
    read_whole(raw, head);
    CHECK(head.method == verb::post);
    CHECK(head.method_text == "POST");
    CHECK(head.target == "/a%20b/c?x=1&y=/?z");
    CHECK(head.path == "/a%20b/c");
    CHECK(head.query == "x=1&y=/?z");
    CHECK(head.host == "shop.example:8080");
    CHECK(head.version_minor == 1);
    CHECK_FALSE(head.asterisk);
    CHECK(head.content_length == 12);
    CHECK_FALSE(head.chunked);
    CHECK(head.has_body());
    CHECK(head.keep_alive);
    CHECK(head.headers().size() == 5);
    CHECK(head.find("x-NAME") == "spaced out");
    CHECK(head.find("X-Empty") == "");
    CHECK_FALSE(head.find("X-Nam").has_value());
    CHECK_FALSE(head.find("X-Nome").has_value());
    CHECK_FALSE(head.find("").has_value());
}

TEST_CASE("request_reader: every method the server implements", "[http]") {
    const std::vector<std::pair<std::string, verb>> methods{
        {"GET", verb::get},     {"HEAD", verb::head},      {"POST", verb::post},      {"PUT", verb::put},
        {"PATCH", verb::patch}, {"DELETE", verb::delete_}, {"OPTIONS", verb::options}};
    for (const auto& [text, expected] : methods) {
        const auto raw = text + " / HTTP/1.1\r\nHost: a\r\n\r\n";
        request_head head;
        read_whole(raw, head);
        CHECK(head.method == expected);
        CHECK(head.method_text == text);
    }
}

TEST_CASE("request_reader: forms of the target", "[http]") {
    struct target_case {
        std::string method, target, path, query, host;
        bool asterisk;
    };
    const std::vector<target_case> cases{
        {"GET", "/", "/", "", "line", false},
        {"GET", "/?", "/", "", "line", false},
        {"GET", "/a?b?c", "/a", "b?c", "line", false},
        {"OPTIONS", "*", "*", "", "line", true},
        {"GET", "http://other:81/a/b?c", "/a/b", "c", "other:81", false},
        {"GET", "HtTpS://other", "/", "", "other", false},
        {"GET", "http://[::1]?q", "/", "q", "[::1]", false},
        {"OPTIONS", "http://other", "/", "", "other", false},
    };
    for (const auto& c : cases) {
        INFO(c.target);
        const auto raw = c.method + " " + c.target + " HTTP/1.1\r\nHost: line\r\n\r\n";
        request_head head;
        read_whole(raw, head);
        CHECK(head.target == c.target);
        CHECK(head.path == c.path);
        CHECK(head.query == c.query);
        CHECK(head.host == c.host);
        CHECK(head.asterisk == c.asterisk);
        CHECK(head.path.data() >= raw.data());
        CHECK(head.path.data() + head.path.size() <= raw.data() + raw.size());
    }
}

TEST_CASE("request_reader: what the connection does next", "[http]") {
    struct connection_case {
        std::string version, lines;
        bool keep_alive, expect_continue;
    };
    const std::vector<connection_case> cases{
        {"1.1", "", true, false},
        {"1.1", "Connection: close\r\n", false, false},
        {"1.1", "Connection: Upgrade, CLOSE\r\n", false, false},
        {"1.1", "Connection: x\r\nConnection: close\r\n", false, false},
        {"1.1", "Connection: closed\r\n", true, false},
        {"1.1", "Connection: keep-alive, close\r\n", false, false},
        {"1.0", "", false, false},
        {"1.0", "Connection: Keep-Alive\r\n", true, false},
        {"1.0", "Connection: keep-alive, close\r\n", false, false},
        {"1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n", true, true},
        {"1.1", "Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n", true, true},
        {"1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", true, false},
        {"1.1", "Expect: 100-continue\r\n", true, false},
        {"1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", false, false},
    };
    for (const auto& c : cases) {
        INFO(c.version << " " << c.lines);
        const auto raw = "POST / HTTP/" + c.version + "\r\nHost: a\r\n" + c.lines + "\r\n";
        request_head head;
        read_whole(raw, head);
        CHECK(head.keep_alive == c.keep_alive);
        CHECK(head.expect_continue == c.expect_continue);
        CHECK(head.version_minor == (c.version == "1.1" ? 1U : 0U));
    }
}

TEST_CASE("request_reader: pipelined heads are taken one by one and leave no trace in the next", "[http]") {
    const std::vector<std::string> requests{
        "POST /one?q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\nX: y\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n",
        "\r\nGET /three HTTP/1.0\r\n\r\n",
        "GET /four HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /five HTTP/1.1\r\nHost: e\r\n\r\n",
    };
    std::string wire;
    for (const auto& r : requests) wire += r;

    request_reader reader(defaults);
    request_head head;
    std::string_view rest = wire;
    for (const auto& r : requests) {
        const auto seen = reader.read_head(rest, head);
        REQUIRE(seen.state == progress::complete);
        CHECK(seen.consumed == r.size());
        rest.remove_prefix(seen.consumed);
    }
    CHECK(rest.empty());
    CHECK(head.path == "/five");
    CHECK(head.query.empty());
    CHECK(head.host == "e");
    CHECK(head.headers().size() == 1);
    CHECK_FALSE(head.content_length.has_value());
    CHECK_FALSE(head.chunked);
    CHECK(head.keep_alive);
    CHECK_FALSE(head.asterisk);
    CHECK(head.version_minor == 1);
}

TEST_CASE("request_reader: a head that arrives byte by byte in a moving buffer", "[http]") {
    const auto raw = "\r\nGET http://b/path?q HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"s;
    request_reader reader(defaults);
    request_head head;
    for (std::size_t size = 0; size < raw.size(); ++size) {
        const std::string moved = raw.substr(0, size);
        REQUIRE(reader.read_head(moved, head).state == progress::need_more);
        CHECK(reader.started() == (size == 1 || size > 2));  // half an empty line may yet become anything
    }
    const auto last = reader.read_head(raw, head);
    CHECK(last.state == progress::complete);
    CHECK(last.consumed == raw.size());
    CHECK_FALSE(reader.started());
    CHECK(head.path == "/path");
    CHECK(head.host == "b");
    for (const auto& view :
         {head.method_text, head.target, head.path, head.query, head.host, head.headers()[1].name}) {
        CHECK(view.data() >= raw.data());
        CHECK(view.data() + view.size() <= raw.data() + raw.size());
    }
}

TEST_CASE("request_reader: reset forgets a head that was begun", "[http]") {
    request_reader reader(defaults);
    request_head head;
    REQUIRE(reader.read_head("GET /old HTTP/1.1\r\nHost: a\r\nX:", head).state == progress::need_more);
    reader.reset();
    CHECK(reader.read_head("GET /new HTTP/1.1\r\nHost: a\r\n\r\n", head).state == progress::complete);
    CHECK(head.path == "/new");
}

TEST_CASE("request_reader: a request line of exactly the limit passes, one byte more does not", "[http]") {
    const auto line_of = [](std::size_t size) { return padded("GET /", size, " HTTP/1.1"); };
    const std::string rest = "\r\nHost: a\r\n\r\n";
    request_head head;
    const auto longest = line_of(defaults.request_line) + rest;
    read_whole(longest, head);
    CHECK(head.target.size() > 8000);

    const auto over = line_of(defaults.request_line + 1);
    CHECK(read_once(over + rest, defaults).why.code == errc::uri_too_long);
    CHECK(read_once(over.substr(0, defaults.request_line + 1), defaults).state == progress::need_more);
    CHECK(read_once(over + "\r", defaults).why.code == errc::uri_too_long);  // need not wait for the end
    CHECK(read_once(std::string(100'000, 'A'), defaults).why.code == errc::malformed_request);
}

TEST_CASE("request_reader: a header section of exactly the limit passes, one byte more does not", "[http]") {
    const std::string line = "GET / HTTP/1.1\r\n";
    const auto section_of = [](std::size_t size) { return padded("Host: a\r\nX: ", size, "\r\n\r\n"); };
    request_head head;
    const auto largest = line + section_of(defaults.header_section);
    read_whole(largest, head);

    const auto over = read_once(line + section_of(defaults.header_section + 1), defaults);
    CHECK(over.state == progress::refused);
    CHECK(over.why.code == errc::headers_too_large);
    const auto endless = read_once(line + "X: " + std::string(defaults.header_section, 'x'), defaults);
    CHECK(endless.state == progress::refused);
    CHECK(endless.why.code == errc::headers_too_large);
}

TEST_CASE("request_reader: as many header lines as the limit pass, one more does not", "[http]") {
    const auto with_lines = [](std::size_t count) {
        std::string raw = "GET / HTTP/1.1\r\nHost: a\r\n";
        for (std::size_t i = 1; i < count; ++i) raw += "X:\r\n";
        return raw + "\r\n";
    };
    request_head head;
    const auto most = with_lines(max_header_count);
    read_whole(most, head);
    CHECK(head.headers().size() == max_header_count);
    CHECK(read_once(with_lines(max_header_count + 1), defaults).why.code == errc::headers_too_large);

    limits few;
    few.header_count = 2;
    const auto two = with_lines(2);
    read_whole(two, head, few);
    CHECK(read_once(with_lines(3), few).why.code == errc::headers_too_large);

    limits beyond;  // a setting beyond what a request_head holds does not lift the bound
    beyond.header_count = max_header_count + 10;
    CHECK(read_once(with_lines(max_header_count + 1), beyond).why.code == errc::headers_too_large);
}

TEST_CASE("request_head: holds a bounded number of lines", "[http]") {
    request_head head;
    for (std::size_t i = 0; i < max_header_count; ++i) REQUIRE(head.add({"X", "y"}));
    CHECK_FALSE(head.add({"X", "y"}));
    head.clear();
    CHECK(head.headers().empty());
    CHECK_FALSE(head.find("X").has_value());
    CHECK(head.add({"X", "y"}));
}
