// SPDX-License-Identifier: Apache-2.0
// What the server lets in, byte for byte: the tables in http/testing/strictness*.hpp, whole and cut into
// pieces of every size. tests/integration/strictness_test.cpp sends the same bytes over sockets.
#include <algorithm>
#include <set>
#include <string>

#include "base/testing/catch.hpp"
#include "http/testing/read_stream.hpp"
#include "http/testing/strictness_cases.hpp"

using namespace bulkhead::http;
using namespace bulkhead::http::testing;

namespace {

const limits defaults;

read_stream_result read(const std::string& bytes, std::size_t step) {
    return read_stream(bytes, step, defaults, strictness_body_limit);
}

/// What became of the first request.
fate fate_of(const read_stream_result& seen, std::size_t sent) {
    if (seen.requests.empty()) {
        return seen.end == stream_end::refused ? static_cast<fate>(seen.refused_with) : fate::unfinished;
    }
    const bool alone = seen.requests.size() == 1 && seen.left == 0 && seen.end != stream_end::refused;
    return alone && sent > 0 ? fate::served : fate::followed;
}

}  // namespace

namespace bulkhead::http::testing {
std::ostream& operator<<(std::ostream& out, fate value) { return out << static_cast<unsigned>(value); }
}  // namespace bulkhead::http::testing

TEST_CASE("strictness: every request gets its verdict", "[http]") {
    const auto cases = strictness_cases();
    REQUIRE(cases.size() > 400);
    for (const auto& c : cases) {
        INFO(c.name << " (" << c.source << ")");
        const auto seen = read(c.bytes, c.bytes.size() + 1);
        CHECK(fate_of(seen, c.bytes.size()) == c.wanted);
        if (c.wanted != fate::served || seen.requests.empty()) continue;
        CHECK(seen.requests.front().body == c.body);
        CHECK(seen.requests.front().path == c.path);
    }
}

TEST_CASE("strictness: a request cut into pieces gets the same verdict", "[http]") {
    for (const auto& c : strictness_cases()) {
        const auto at_once = read(c.bytes, c.bytes.size() + 1);
        const bool is_long = c.bytes.size() > 1000;
        for (std::size_t step = is_long ? 500 : 1;
             step <= std::min<std::size_t>(c.bytes.size(), is_long ? 502 : 24); ++step) {
            const auto seen = read(c.bytes, step);
            if (seen == at_once) continue;  // INFO for each piece would take longer than the test
            FAIL_CHECK(c.name << " in pieces of " << step);
        }
    }
}

TEST_CASE("strictness: every case has a name of its own and a source", "[http]") {
    std::set<std::string> names;
    for (const auto& c : strictness_cases()) {
        INFO(c.name);
        CHECK(names.insert(c.name).second);
        CHECK_FALSE(c.source.empty());
    }
}
