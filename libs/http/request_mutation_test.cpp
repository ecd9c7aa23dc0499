// SPDX-License-Identifier: Apache-2.0
// No smuggled request: more than 200 000 obfuscations of the lines that frame a message, read in this
// process.
#include <map>
#include <set>
#include <string>

#include "base/testing/catch.hpp"
#include "http/testing/mutations.hpp"

using namespace bulkhead::http;
using namespace bulkhead::http::testing;

namespace {

constexpr std::uint64_t body_limit = 4096;
constexpr std::size_t wanted_cases = 220'000;
constexpr unsigned seed = 20261121;

std::string shown(std::string_view text) {
    std::string out;
    for (unsigned char c : text) {
        constexpr std::string_view digits = "0123456789abcdef";
        if (c >= 0x20 && c < 0x7f) {
            out += static_cast<char>(c);
        } else {
            out.append("\\x").append(1, digits[c >> 4]).append(1, digits[c & 15]);
        }
    }
    return out;
}

/// Judges mutations and counts them; says what is wrong only once per family and fault.
class jury {
public:
    void judge(const mutation& m, bool one_line) {
        ++cases_;
        const auto seen = read_stream(m.wire(), std::string::npos / 2, bounds_, body_limit);
        auto& counts = by_family_[m.family->name];
        ++(seen.requests.empty() ? counts.refused : counts.accepted);
        const auto fault = verdict_on(m, seen, one_line);
        if (fault.empty()) return;
        if (faults_.insert(m.family->name + std::string(fault)).second)
            FAIL_CHECK(m.family->name << ": " << fault << ": " << shown(m.line));
    }

    struct count {
        int accepted = 0, refused = 0;
    };
    [[nodiscard]] std::size_t cases() const { return cases_; }
    [[nodiscard]] const auto& by_family() const { return by_family_; }

private:
    const limits bounds_;
    std::size_t cases_ = 0;
    std::map<std::string, count> by_family_;
    std::set<std::string> faults_;
};

}  // namespace

TEST_CASE("mutations: each family means what it says before it is touched", "[http]") {
    const limits bounds;
    for (const auto& family : mutation_families()) {
        INFO(family.name);
        const auto seen = read_stream(mutation{&family, family.line}.wire(), 1 << 20, bounds, body_limit);
        if (family.role == line_role::second_framing) {
            CHECK(seen.end == stream_end::refused);
            CHECK(seen.requests.empty());
            continue;
        }
        REQUIRE(seen.requests.size() == 2);
        CHECK(seen.requests.front().body == family.body);
        CHECK(seen.requests.back().path == "/after");
    }
}

TEST_CASE("mutations: no byte at no place smuggles a request", "[http]") {
    jury all;
    const auto families = mutation_families();
    for (const auto& family : families)
        for_each_byte_mutation(family, [&all](const mutation& m) { all.judge(m, true); });
    std::mt19937 random(seed);
    while (all.cases() < wanted_cases) {
        const auto m = random_mutation(families[random() % families.size()], random);
        all.judge(m, m.line.find('\n') == std::string::npos);
    }
    for (const auto& [name, counts] : all.by_family()) {
        INFO(name);  // a reader that refuses or accepts everything would prove nothing
        CHECK(counts.accepted > 0);
        CHECK(counts.refused > 1000);
    }
}
