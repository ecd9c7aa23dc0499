// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/slots.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::redis;

namespace {

redis_reply text(std::string words) { return {std::move(words)}; }
redis_reply number(std::int64_t value) { return {value}; }
redis_reply list(redis_reply::array parts) { return {std::move(parts)}; }

redis_reply node(redis_reply host, std::int64_t port) {
    return list({std::move(host), number(port), text("4f1f8c"), list({})});
}

std::string key_of(const std::vector<std::string>& argv) {
    return std::string(first_key(argv).value_or("-"));
}

}  // namespace

TEST_CASE("redis slots: of keys, by the specification's check value and a real cluster's answers",
          "[persistence]") {
    CHECK(slot_of_key("123456789") == 0x31C3);
    CHECK(slot_of_key("") == 0);
    CHECK(slot_of_key("foo") == 12182);
    CHECK(slot_of_key("bar") == 5061);
    CHECK(slot_of_key("\xff\xfe\0x") == slot_of_key("\xff\xfe\0x"));
}

TEST_CASE("redis slots: the first hash tag decides when it is not empty", "[persistence]") {
    const auto user = slot_of_key("user1000");
    CHECK(slot_of_key("{user1000}.following") == user);
    CHECK(slot_of_key("foo{user1000}") == user);
    CHECK(slot_of_key("foo{user1000}{bar}") == user);
    CHECK(slot_of_key("}{user1000}") == user);
    CHECK(slot_of_key("foo{{bar}}zap") == slot_of_key("{bar"));
    CHECK(slot_of_key("foo{}{user1000}") != user);
    CHECK(slot_of_key("{user1000") != user);
}

TEST_CASE("redis slots: where the first key of a command stands", "[persistence]") {
    CHECK(key_of({"GET", "a"}) == "a");
    CHECK(key_of({"get", "a"}) == "a");
    CHECK(key_of({"MSET", "a", "1", "b", "2"}) == "a");
    CHECK(key_of({"BZPOPMIN", "a", "b", "1"}) == "a");
    CHECK(key_of({"EVALSHA", "abc", "2", "a", "b", "x"}) == "a");
    CHECK(key_of({"eval", "return 1", "0", "x"}) == "-");
    CHECK(key_of({"EVAL", "return 1", "1"}) == "-");
    CHECK(key_of({"LMPOP", "2", "a", "b", "LEFT"}) == "a");
    CHECK(key_of({"BZMPOP", "1", "2", "a", "b", "MIN"}) == "a");
    CHECK(key_of({"XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "streams", "a", ">"}) == "a");
    CHECK(key_of({"XREAD", "COUNT", "1"}) == "-");
    CHECK(key_of({"OBJECT", "ENCODING", "a"}) == "a");
    CHECK(key_of({"PING"}) == "-");
    CHECK(key_of({"TIME"}) == "-");
    CHECK(key_of({"GET"}) == "-");
    CHECK(key_of({}) == "-");
    CHECK(slot_of_command({"GET", "foo"}) == 12182);
    CHECK_FALSE(slot_of_command({"PUBLISH", "foo", "x"}));
}

TEST_CASE("redis slots: what nodes say about slots, and nothing that makes no sense", "[persistence]") {
    const redis_address asked{"10.0.0.9", 7000};
    const auto ranges = read_slots(
        list({list({number(0), number(5460), node(text("10.0.0.1"), 7001), node(text("10.0.0.2"), 7002)}),
              list({number(5461), number(5461), node({redis_nil{}}, 7003)}),
              list({number(6000), number(6001), node(text(""), 7004), node(text("?"), 7005)}),
              list({number(7000), number(6999), node(text("x"), 1)}),
              list({number(-1), number(1), node(text("x"), 1)}),
              list({number(0), number(16384), node(text("x"), 1)}),
              list({number(0), number(1), node(text("x"), 65536)}),
              list({number(0), number(1), node(text("?"), 7000)}), list({number(0), number(1)}),
              list({number(0), number(1), text("x")}), text("x")}),
        asked);
    REQUIRE(ranges.size() == 3);
    CHECK(ranges[0].first == 0);
    CHECK(ranges[0].last == 5460);
    CHECK(ranges[0].primary == redis_address{"10.0.0.1", 7001});
    CHECK(ranges[0].replicas == std::vector<redis_address>{{"10.0.0.2", 7002}});
    CHECK(ranges[1].primary == redis_address{"10.0.0.9", 7003});
    CHECK(ranges[2].primary == redis_address{"10.0.0.9", 7004});
    CHECK(ranges[2].replicas.empty());
    CHECK(read_slots(text("x"), asked).empty());
}

TEST_CASE("redis slots: redirections", "[persistence]") {
    const redis_address asked{"10.0.0.9", 7000};
    const auto moved = read_redirection("MOVED 3999 127.0.0.1:6381", asked);
    REQUIRE(moved);
    CHECK(moved->slot == 3999);
    CHECK(moved->to == redis_address{"127.0.0.1", 6381});
    CHECK(read_redirection("ASK 0 ::1:6381", asked)->to == redis_address{"::1", 6381});
    CHECK(read_redirection("MOVED 1 :6381", asked)->to == redis_address{"10.0.0.9", 6381});
    for (const auto* const bad :
         {"MOVED", "MOVED 1", "MOVED 16384 h:1", "MOVED x h:1", "MOVED 1 h", "MOVED 1 h:0", "MOVED 1 h:x",
          "MOVED 1 h:65536", "MOVED 1 ?:1", "MOVED -1 h:1", "GONE 1 h:1", "MOVED 1 h:1 x", ""}) {
        INFO(bad);
        CHECK_FALSE(read_redirection(bad, asked));
    }
}
