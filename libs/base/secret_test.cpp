// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::string_literals;

TEST_CASE("secret: formatting shows the length only", "[base]") {
    const secret value("hunter2");
    CHECK(fmt::format("{}", value) == "***[7 chars]***");
    CHECK(value.redacted() == "***[7 chars]***");
    CHECK(fmt::format("{}", secret()) == "(empty)");
    CHECK(value.reveal() == "hunter2");
    CHECK(value.size() == 7);
}

TEST_CASE("secret: copies and moves keep the value, moved-from is empty", "[base]") {
    for (const std::string& text : {"short"s, std::string(200, 'x')}) {
        secret first(text);
        secret copy = first;
        secret moved = std::move(first);
        CHECK(copy.reveal() == text);
        CHECK(moved.reveal() == text);
        CHECK(first.empty());  // NOLINT: that is the point
        secret target("old value that is long enough to live on the heap");
        target = copy;
        CHECK(target.reveal() == text);
        target = std::move(moved);
        CHECK(target.reveal() == text);
        CHECK(moved.empty());  // NOLINT
        auto& self = target;
        target = self;
        CHECK(target.reveal() == text);
        target = std::move(self);
        CHECK(target.reveal() == text);
    }
}

TEST_CASE("secret: its own bytes are wiped when it dies and when it is moved from", "[base]") {
    const std::string text = "topsecret";      // short: kept inside the object
    const std::string_view tail = "opsecret";  // emptying a string overwrites its first byte anyway
    alignas(secret) unsigned char room[sizeof(secret)] = {};
    const auto holds = [&] { return !std::ranges::search(room, tail).empty(); };

    auto* value = new (room) secret(text);
    REQUIRE(holds());
    std::destroy_at(value);
    CHECK_FALSE(holds());

    value = new (room) secret(text);
    REQUIRE(holds());
    const secret taken = std::move(*value);
    CHECK_FALSE(holds());
    CHECK(taken.reveal() == text);
    std::destroy_at(value);
}

TEST_CASE("constant_time_equal: is equality", "[base]") {
    CHECK(constant_time_equal("", ""));
    CHECK(constant_time_equal("a\0b"s, "a\0b"s));
    CHECK_FALSE(constant_time_equal("a\0b"s, "a\0c"s));
    CHECK_FALSE(constant_time_equal("abc", "abd"));
    CHECK_FALSE(constant_time_equal("abc", "ab"));
    CHECK_FALSE(constant_time_equal("", "a"));
}
