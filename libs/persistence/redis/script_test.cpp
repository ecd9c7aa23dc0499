// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/script.hpp"

#include "base/testing/catch.hpp"

using bulkhead::redis::script;

TEST_CASE("redis script: it is known by the SHA-1 of its source", "[persistence]") {
    const script one("return 1");  // as SCRIPT LOAD answers
    CHECK(one.source() == "return 1");
    CHECK(one.sha1() == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    CHECK(script("").sha1() == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}
