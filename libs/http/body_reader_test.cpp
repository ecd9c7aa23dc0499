// SPDX-License-Identifier: Apache-2.0
#include "http/body_reader.hpp"

#include <string>
#include <string_view>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::string_literals;

namespace {

const limits defaults;

request_head sized(std::uint64_t length) {
    request_head head;
    head.content_length = length;
    return head;
}

request_head chunked() {
    request_head head;
    head.chunked = true;
    return head;
}

read_outcome read_chunked(std::string_view wire, std::string& out, std::uint64_t max_size = 1024 * 1024,
                          const limits& bounds = defaults) {
    return body_reader(chunked(), bounds, max_size).read(wire, out);
}

progress state_of(const std::string& wire, const limits& bounds = defaults) {
    std::string out;
    return read_chunked(wire, out, 1024 * 1024, bounds).state;
}

errc refusal_of(const std::string& wire, const limits& bounds = defaults) {
    std::string out;
    const auto seen = read_chunked(wire, out, 1024 * 1024, bounds);
    REQUIRE(seen.state == progress::refused);
    return seen.why.code;
}

}  // namespace

TEST_CASE("body_reader: a request without a body is complete at once", "[http]") {
    for (const auto& head : {request_head{}, sized(0)}) {
        std::string out;
        const auto seen = body_reader(head, defaults, 0).read("GET", out);
        CHECK(seen.state == progress::complete);
        CHECK(seen.consumed == 0);
        CHECK(out.empty());
    }
}

TEST_CASE("body_reader: a known length is taken exactly, in any pieces", "[http]") {
    body_reader reader(sized(5), defaults, 5);
    std::string out = "before ";
    CHECK(reader.read("", out).state == progress::need_more);
    const auto first = reader.read("he", out);
    CHECK(first.state == progress::need_more);
    CHECK(first.consumed == 2);
    const auto last = reader.read("lloGET /", out);
    CHECK(last.state == progress::complete);
    CHECK(last.consumed == 3);
    CHECK(out == "before hello");
    CHECK(reader.read("more", out).consumed == 0);
}

TEST_CASE("body_reader: an announced length over the maximum is refused before a byte is read", "[http]") {
    std::string out;
    CHECK(body_reader(sized(10), defaults, 10).read("", out).state == progress::need_more);
    for (const std::string input : {"", "x"}) {
        const auto over = body_reader(sized(11), defaults, 10).read(input, out);
        CHECK(over.state == progress::refused);
        CHECK(over.why.code == errc::content_too_large);
        CHECK(over.consumed == 0);
        CHECK(out.empty());
    }
    CHECK(body_reader(sized(~0ULL), defaults, ~0ULL - 1).read("", out).state == progress::refused);
}

TEST_CASE("body_reader: chunks are joined and the next request is left alone", "[http]") {
    const auto wire = "5\r\nhello\r\n1;x=\"y\"\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\nGET /"s;
    std::string out;
    const auto seen = read_chunked(wire, out);
    CHECK(seen.state == progress::complete);
    CHECK(wire.substr(seen.consumed) == "GET /");
    CHECK(out == "hello world");
}

TEST_CASE("body_reader: chunks never decode to more than the maximum", "[http]") {
    std::string out;
    CHECK(read_chunked("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", out, 10).state == progress::complete);
    out.clear();
    const auto over = read_chunked("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", out, 9);
    CHECK(over.state == progress::refused);
    CHECK(over.why.code == errc::content_too_large);
    CHECK(out == "hello");
    out.clear();
    CHECK(read_chunked("0\r\n\r\n", out, 0).state == progress::complete);
    CHECK(read_chunked("1\r\n", out, 0).why.code == errc::content_too_large);
    CHECK(read_chunked("ffffffffffffffff\r\n", out, ~0ULL - 1).why.code == errc::content_too_large);
    CHECK(read_chunked("ffffffffffffffff\r\nx", out, ~0ULL).state == progress::need_more);
    CHECK(out == "x");
}

TEST_CASE("body_reader: a chunk line is bounded", "[http]") {
    const auto line_of = [](std::size_t size) {
        return "1;" + std::string(size - 2, 'x') + "\r\nx\r\n0\r\n\r\n";
    };
    CHECK(state_of(line_of(defaults.chunk_line)) == progress::complete);
    CHECK(refusal_of(line_of(defaults.chunk_line + 1)) == errc::malformed_request);
    CHECK(refusal_of("1;" + std::string(defaults.chunk_line, 'x')) == errc::malformed_request);
    CHECK(refusal_of("1;x=\"" + std::string(defaults.chunk_line, 'x')) == errc::malformed_request);
    CHECK(refusal_of("1" + std::string(defaults.chunk_line, ' ')) == errc::malformed_request);
    limits tight;
    tight.chunk_line = 4;
    CHECK(state_of("0001\r\nx\r\n0\r\n\r\n", tight) == progress::complete);
    CHECK(refusal_of("00001\r\nx\r\n0\r\n\r\n", tight) == errc::malformed_request);
}

TEST_CASE("body_reader: the extensions of all chunks together are bounded", "[http]") {
    const auto body_of = [](std::size_t extension_bytes) {  // in lines of 100, the last one shorter
        std::string wire;
        for (; extension_bytes > 100; extension_bytes -= 100)
            wire += "1;" + std::string(99, 'x') + "\r\nx\r\n";
        return wire + "1;" + std::string(extension_bytes - 1, 'x') + "\r\nx\r\n0\r\n\r\n";
    };
    CHECK(state_of(body_of(defaults.chunk_extensions_total)) == progress::complete);
    CHECK(refusal_of(body_of(defaults.chunk_extensions_total + 1)) == errc::malformed_request);
}

TEST_CASE("body_reader: trailers are bounded", "[http]") {
    const auto sized_trailers = [](std::size_t size) {
        return "0\r\nX:" + std::string(size - 6, 'x') + "\r\n\r\n";  // 6: "X:", CRLF and the empty line
    };
    CHECK(state_of(sized_trailers(defaults.trailer_section)) == progress::complete);
    CHECK(refusal_of(sized_trailers(defaults.trailer_section + 1)) == errc::headers_too_large);

    const auto counted_trailers = [](std::size_t count) {
        std::string wire = "0\r\n";
        for (std::size_t i = 0; i < count; ++i) wire += "X: y\r\n";
        return wire + "\r\n";
    };
    CHECK(state_of(counted_trailers(defaults.trailer_count)) == progress::complete);
    CHECK(refusal_of(counted_trailers(defaults.trailer_count + 1)) == errc::headers_too_large);
}
