// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/errand.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::redis;
using next = redis_errand::next;

namespace {

const redis_address here{"10.0.0.1", 7001};

redis_reply text(std::string words) { return {std::move(words)}; }
redis_reply refusal(std::string message) {
    const auto kind = classify_redis_error(message);
    return {redis_error{kind, std::move(message)}};
}

std::string said(const redis_reply& reply) {
    return reply.error() ? reply.error()->message : std::string(reply.text().value_or("?"));
}

}  // namespace

TEST_CASE("redis errand: without redirections it is one turn", "[persistence]") {
    redis_errand errand({"a", "b"}, false);
    CHECK(errand.bytes() == "ab");
    CHECK(errand.expected() == 2);
    CHECK(errand.take({text("1"), refusal("WRONGTYPE no")}, here) == next::done);
    const auto replies = std::move(errand).replies();
    REQUIRE(replies.size() == 2);
    CHECK(said(replies[0]) == "1");
    CHECK(said(replies[1]) == "WRONGTYPE no");
}

TEST_CASE("redis errand: only what was refused goes on, and replies keep their places", "[persistence]") {
    redis_errand errand({"a", "b", "c"}, false);
    CHECK(errand.take({refusal("TRYAGAIN x"), text("2"), refusal("MOVED 7 10.0.0.2:7002")}, here) ==
          next::moved);
    CHECK(errand.where().to == redis_address{"10.0.0.2", 7002});
    CHECK(errand.where().slot == 7);
    CHECK(errand.bytes() == "ac");
    CHECK(errand.take({text("1"), refusal("ASK 7 :7003")}, here) == next::ask);
    CHECK(errand.where().to == redis_address{"10.0.0.1", 7003});
    CHECK(errand.bytes() == "*1\r\n$6\r\nASKING\r\nc");
    CHECK(errand.expected() == 2);
    CHECK(errand.take({text("OK"), refusal("CLUSTERDOWN no")}, here) == next::wait);
    CHECK(errand.bytes() == "c");
    CHECK(errand.take({text("3")}, here) == next::done);
    const auto replies = std::move(errand).replies();
    CHECK(said(replies[0]) + said(replies[1]) + said(replies[2]) == "123");
}

TEST_CASE("redis errand: a transaction is sent again as a whole, and not half way through a migration",
          "[persistence]") {
    redis_errand errand({"multi", "get", "exec"}, true);
    CHECK(errand.take({text("OK"), refusal("MOVED 7 h:1"), refusal("EXECABORT x")}, here) == next::moved);
    CHECK(errand.bytes() == "multigetexec");
    CHECK(errand.take({text("OK"), refusal("ASK 7 h:2"), refusal("EXECABORT x")}, here) == next::wait);
    CHECK(errand.bytes() == "multigetexec");
    CHECK(errand.take({text("OK"), text("QUEUED"), text("x")}, here) == next::done);
    CHECK(said(std::move(errand).replies()[2]) == "x");
}

TEST_CASE("redis errand: a redirection to nowhere is waited out", "[persistence]") {
    redis_errand errand({"a"}, false);
    CHECK(errand.take({refusal("MOVED 7 nowhere")}, here) == next::wait);
    CHECK(errand.bytes() == "a");
}
