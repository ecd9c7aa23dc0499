// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/statement.hpp"
#include "base/testing/catch.hpp"
#include "persistence/postgres/parameters.hpp"
#include "persistence/postgres/statement_cache.hpp"
#include "persistence/postgres/wire.hpp"

using namespace bulkhead;
using namespace bulkhead::postgres;

TEST_CASE("statement: equal texts have equal hashes", "[persistence]") {
    constexpr statement a("select 1"), b("select 2");
    STATIC_REQUIRE(a.hash != b.hash);
    REQUIRE(statement(std::string_view("select 1")).hash == a.hash);
}

TEST_CASE("statement cache: prepares once, evicts the longest unused", "[persistence]") {
    statement_cache cache(2);
    REQUIRE_FALSE(cache.touch(1).known);
    REQUIRE_FALSE(cache.touch(2).known);
    REQUIRE(cache.touch(1).known);
    REQUIRE_FALSE(cache.evict());
    REQUIRE_FALSE(cache.touch(3).known);
    REQUIRE(cache.evict() == 2U);
    REQUIRE_FALSE(cache.evict());
    REQUIRE(cache.touch(1).known);
    const auto first = cache.touch(1).serial;
    REQUIRE(cache.forget(1, first));
    REQUIRE_FALSE(cache.touch(1).known);
    REQUIRE_FALSE(cache.forget(1, first));  // a late answer to the preparation before
    REQUIRE(cache.touch(1).known);
    REQUIRE(statement_cache::name_of(255) == "b00000000000000ff");
}

TEST_CASE("parameters: binary in network byte order, nulls with their type", "[persistence]") {
    const auto values =
        parameters::of(std::int32_t{258}, std::string("text"), true, std::optional<std::int64_t>{},
                       wire::epoch + std::chrono::microseconds{1});
    parameters::arrays out;
    values.fill(out);
    REQUIRE(values.count() == 5);
    REQUIRE(std::string(out.values[0], 4) == std::string("\0\0\1\2", 4));
    REQUIRE(std::string(out.values[1]) == "text");
    REQUIRE(out.formats[1] == 0);
    REQUIRE(out.values[2][0] == 1);
    REQUIRE(out.values[3] == nullptr);
    REQUIRE(out.types[3] == 20);
    REQUIRE(wire::from_big_endian<std::int64_t>(out.values[4]) == 1);
}
