// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/codec.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace std::string_literals;

namespace {

/// The only reply in `bytes`; fails the test when there is none or something follows.
redis_reply parse_one(std::string_view bytes) {
    redis_reply_reader reader;
    reader.feed(bytes);
    auto reply = reader.next();
    REQUIRE(reply.has_value());
    REQUIRE(reply->has_value());
    const auto end = reader.next();
    REQUIRE(end.has_value());
    REQUIRE_FALSE(end->has_value());
    return std::move(**reply);
}

bool is_refused(std::string_view bytes, redis_reply_limits limits = {}) {
    redis_reply_reader reader(limits);
    reader.feed(bytes);
    return !reader.next().has_value();
}

}  // namespace

TEST_CASE("redis codec: commands carry any bytes", "[persistence]") {
    std::string out = "before";
    append_redis_command(out, {"SET", "k\r\n", std::string("\0v", 2), ""});
    CHECK(out == "before*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n\0v\r\n$0\r\n\r\n"s);
}

TEST_CASE("redis codec: every RESP2 type", "[persistence]") {
    CHECK(parse_one("+OK\r\n").text() == "OK");
    CHECK(std::holds_alternative<redis_status>(parse_one("+OK\r\n").value));
    CHECK(parse_one(":-42\r\n").integer() == -42);
    CHECK(parse_one(":9223372036854775807\r\n").integer() == INT64_MAX);
    CHECK(parse_one("$5\r\na\r\nbc\r\n").text() == "a\r\nbc");
    CHECK(parse_one("$0\r\n\r\n").text() == "");
    CHECK(parse_one("$-1\r\n").is_nil());
    CHECK(parse_one("*-1\r\n").is_nil());
    CHECK(parse_one("*0\r\n").elements()->empty());
    CHECK_FALSE(parse_one("$2\r\n42\r\n").integer().has_value());
    CHECK_FALSE(parse_one(":42\r\n").text().has_value());
    CHECK(parse_one(":1\r\n").elements() == nullptr);
}

TEST_CASE("redis codec: arrays nest, and errors stand inside them", "[persistence]") {
    const auto reply = parse_one("*4\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n-ERR no\r\n*0\r\n");
    REQUIRE(reply.elements() != nullptr);
    const auto& items = *reply.elements();
    REQUIRE(items.size() == 4);
    CHECK(items[0].integer() == 1);
    REQUIRE(items[1].elements() != nullptr);
    CHECK(items[1].elements()->at(0).text() == "a");
    CHECK(items[1].elements()->at(1).is_nil());
    REQUIRE(items[2].error() != nullptr);
    CHECK(items[2].error()->message == "ERR no");
    CHECK(items[3].elements()->empty());
}

TEST_CASE("redis codec: replies may come in pieces, and many at once", "[persistence]") {
    const std::string_view bytes = "*2\r\n$3\r\nabc\r\n:7\r\n+PONG\r\n$-1\r\n";
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        redis_reply_reader reader;
        std::vector<redis_reply> replies;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            reader.feed(bytes.substr(at, step));
            while (true) {
                auto reply = reader.next();
                REQUIRE(reply.has_value());
                if (!*reply) break;
                replies.push_back(std::move(**reply));
            }
        }
        REQUIRE(replies.size() == 3);
        CHECK(replies[0].elements()->at(0).text() == "abc");
        CHECK(replies[0].elements()->at(1).integer() == 7);
        CHECK(replies[1].text() == "PONG");
        CHECK(replies[2].is_nil());
    }
}

TEST_CASE("redis codec: what is not RESP2 is refused", "[persistence]") {
    const std::string deep = [] {
        std::string text;
        for (int i = 0; i < 64; ++i) text += "*1\r\n";
        return text + ":1\r\n";
    }();
    for (const std::string_view bytes :
         {"HTTP/1.1 400 Bad Request\r\n", "\r\n", "?1\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", ",3.14\r\n",
          "#t\r\n", ">1\r\n+a\r\n", "*1\r\n#t\r\n", "=5\r\ntxt:a\r\n"}) {
        INFO(std::string(bytes));
        CHECK(is_refused(bytes));
    }
    CHECK(is_refused(deep));
}

TEST_CASE("redis codec: a refusal is final", "[persistence]") {
    redis_reply_reader reader;
    reader.feed("!\r\n");
    REQUIRE_FALSE(reader.next().has_value());
    reader.feed("+OK\r\n");
    CHECK_FALSE(reader.next().has_value());
}

TEST_CASE("redis codec: announced sizes are not trusted", "[persistence]") {
    CHECK(is_refused("*2147483647\r\n"));
    CHECK(is_refused("*2\r\n*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n*5\r\n", {.bytes = 1000, .elements = 10}));
    CHECK(is_refused("$100000000\r\n" + std::string(2000, 'x'), {.bytes = 1000, .elements = 10}));
    CHECK(is_refused("+" + std::string(2000, 'x'), {.bytes = 1000, .elements = 10}));
}

TEST_CASE("redis codec: limits count per reply", "[persistence]") {
    redis_reply_reader reader({.bytes = 64, .elements = 2});
    for (int i = 0; i < 100; ++i) {
        reader.feed("*2\r\n:1\r\n:2\r\n");
        const auto reply = reader.next();
        REQUIRE(reply.has_value());
        REQUIRE(reply->has_value());
    }
}

TEST_CASE("redis reply: errors are told apart by their first word", "[persistence]") {
    using enum redis_error_kind;
    const std::vector<std::pair<std::string_view, redis_error_kind>> table{
        {"LOADING Redis is loading the dataset in memory", loading},
        {"READONLY You can't write against a read only replica.", readonly},
        {"OOM command not allowed when used memory > 'maxmemory'.", oom},
        {"NOAUTH Authentication required.", noauth},
        {"WRONGPASS invalid username-password pair or user is disabled.", wrongpass},
        {"ERR invalid password", wrongpass},
        {"MISCONF Redis is configured to save RDB snapshots, but …", misconf},
        {"BUSY Redis is busy running a script.", busy},
        {"NOSCRIPT No matching script. Please use EVAL.", noscript},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", masterdown},
        {"UNBLOCKED force unblock from blocking operation, instance state changed", unblocked},
        {"NOPERM this user has no permissions to run the 'get' command", noperm},
        {"NOREPLICAS Not enough good replicas to write.", noreplicas},
        {"CLUSTERDOWN Hash slot not served", clusterdown},
        {"TRYAGAIN Multiple keys request during rehashing of slot", tryagain},
        {"MOVED 3999 127.0.0.1:6381", moved},
        {"ASK 3999 127.0.0.1:6381", ask},
        {"EXECABORT Transaction discarded because of previous errors.", execabort},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", wrongtype},
        {"ERR unknown command", other},
        {"LOADINGS", other},
        {"BUSYGROUP Consumer Group name already exists", other},
        {"", other},
    };
    for (const auto& [message, kind] : table) {
        INFO(std::string(message));
        CHECK(classify_redis_error(message) == kind);
    }
}

TEST_CASE("redis reply: what passes is unavailable, what is wrong is internal", "[persistence]") {
    for (const std::string message : {"LOADING", "READONLY", "MASTERDOWN", "UNBLOCKED", "OOM", "NOAUTH",
                                      "WRONGPASS", "NOPERM", "MISCONF", "NOREPLICAS", "BUSY", "CLUSTERDOWN",
                                      "TRYAGAIN", "EXECABORT Transaction discarded because of: OOM x"}) {
        INFO(message);
        CHECK(to_error({classify_redis_error(message), message}).code == errc::unavailable);
    }
    for (const std::string message : {"NOSCRIPT", "MOVED 1 a:1", "ASK 1 a:1", "WRONGTYPE", "ERR x",
                                      "EXECABORT Transaction discarded because of previous errors.",
                                      "EXECABORT Transaction discarded because of: ERR x"}) {
        INFO(message);
        CHECK(to_error({classify_redis_error(message), message}).code == errc::internal);
    }
}

TEST_CASE("redis reply: the server's words do not reach a client", "[persistence]") {
    const auto passing = to_error({redis_error_kind::oom, "OOM secret-key"});
    CHECK(passing.code == errc::unavailable);
    CHECK(passing.detail.find("secret-key") == std::string::npos);
    CHECK(to_error({redis_error_kind::other, "ERR x"}).code == errc::internal);
}
