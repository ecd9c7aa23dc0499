// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::string_literals;

namespace {

std::uint64_t milliseconds_of(const uuid& id) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 6; ++i) out = out << 8 | id.bytes[i];
    return out;
}

std::uint64_t clock_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

TEST_CASE("uuid: the canonical form, either case", "[base]") {
    const auto id = uuid::parse("01890A5D-ac96-774b-bcce-b302099a8057");
    REQUIRE(id);
    CHECK(id->to_string() == "01890a5d-ac96-774b-bcce-b302099a8057");
    CHECK(id->to_compact() == "01890a5dac96774bbcceb302099a8057");
    std::string out = "id ";
    id->append_to(out);
    CHECK(out == "id 01890a5d-ac96-774b-bcce-b302099a8057");
    CHECK(uuid::parse("00000000-0000-0000-0000-000000000000") == uuid{});
}

TEST_CASE("uuid: nothing else parses", "[base]") {
    for (const std::string& text :
         {""s, "01890a5dac96774bbcceb302099a8057"s, "{01890a5d-ac96-774b-bcce-b302099a8057}"s,
          "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057"s, "01890a5d-ac96-774b-bcce-b302099a805"s,
          "01890a5d-ac96-774b-bcce-b302099a80577"s, "01890a5g-ac96-774b-bcce-b302099a8057"s,
          "01890a5da-c96-774b-bcce-b302099a8057"s, "01890a5d-ac96-774b-bcce-b302099a-057"s,
          "01890a5d_ac96_774b_bcce_b302099a8057"s, " 1890a5d-ac96-774b-bcce-b302099a8057"s,
          "01890a5d-ac96-774b-bcce-b302099a805\0"s, "+1890a5d-ac96-774b-bcce-b302099a8057"s,
          std::string(36, '-'), std::string(36, '0')}) {
        CAPTURE(text);
        CHECK_FALSE(uuid::parse(text));
    }
}

TEST_CASE("uuid: new ids are version 7, of the present, in order and unique", "[base]") {
    const auto before = clock_ms();
    std::vector<uuid> ids(20'000);
    for (auto& id : ids) id = uuid::generate();
    const auto after = clock_ms();
    CHECK(std::ranges::adjacent_find(ids, std::ranges::greater_equal{}) == ids.end());
    for (const auto& id : ids) {
        REQUIRE((id.bytes[6] & 0xf0) == 0x70);
        REQUIRE((id.bytes[8] & 0xc0) == 0x80);
    }
    CHECK(milliseconds_of(ids.front()) >= before);
    CHECK(milliseconds_of(ids.back()) <= after + ids.size() / 4096 + 1);
    CHECK(std::unordered_set<uuid>(ids.begin(), ids.end()).size() == ids.size());
    CHECK(std::ranges::is_sorted(ids, {}, &uuid::to_string));
}

TEST_CASE("uuid: threads do not make the same ids", "[base]") {
    std::vector<std::vector<uuid>> made(4, std::vector<uuid>(2000));
    std::vector<std::thread> threads;
    for (auto& ids : made)
        threads.emplace_back([&ids] {
            for (auto& id : ids) id = uuid::generate();
        });
    for (auto& thread : threads) thread.join();
    std::set<uuid> all;
    for (const auto& ids : made) all.insert(ids.begin(), ids.end());
    CHECK(all.size() == 8000);
}

TEST_CASE("uuid_sequence: counts within a millisecond and starts anew in the next", "[base]") {
    uuid_sequence s;
    s.advance(1000, 0xff);
    CHECK(s.ms == 1000);
    CHECK(s.counter == 0x7f8);
    s.advance(1000, 0x00);
    CHECK(s.ms == 1000);
    CHECK(s.counter == 0x7f9);
    s.advance(1001, 0x01);
    CHECK(s.ms == 1001);
    CHECK(s.counter == 8);
}

TEST_CASE("uuid_sequence: a full counter moves on to the next millisecond", "[base]") {
    uuid_sequence s{.ms = 1000, .counter = 0xfff};
    s.advance(1000, 0xff);
    CHECK(s.ms == 1001);
    CHECK(s.counter == 0);
    s.advance(1001, 0xff);  // the clock catches up: still the same millisecond for us
    CHECK(s.ms == 1001);
    CHECK(s.counter == 1);
}

TEST_CASE("uuid_sequence: never goes back, whatever the clock does", "[base]") {
    uuid_sequence s;
    auto last = std::pair{s.ms, s.counter};
    std::uint64_t clock = 5000;
    for (int i = 0; i < 50'000; ++i) {
        if (i % 7000 == 0) clock += 3;
        if (i % 11'000 == 0) clock -= 2000;
        s.advance(clock, static_cast<std::uint8_t>(i));
        const std::pair next{s.ms, s.counter};
        REQUIRE(next > last);
        REQUIRE(s.counter <= 0xfff);
        last = next;
    }
}
