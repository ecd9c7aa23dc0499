// SPDX-License-Identifier: Apache-2.0
#include "storage/object_key.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;
using storage::object_key;

TEST_CASE("object key: begins with its tenant", "[storage]") {
    const auto tenant = uuid::generate();
    CHECK(object_key::make(tenant, {"exports", "Tasks_1-a.csv"})->text() ==
          tenant.to_string() + "/exports/Tasks_1-a.csv");
    CHECK(object_key::make(tenant, {std::string(100, 'a')}));
    CHECK(object_key::make(tenant, std::vector<std::string>(8, "a")));
}

TEST_CASE("object key: what cannot be a name", "[storage]") {
    const auto tenant = uuid::generate();
    for (const std::string bad : {"", ".", "..", ".staging", ".hidden", "a/b", "/a", "a\\b", "a b", "a\nb",
                                  "a:b", "%2e", "ü", "~", "*"}) {
        CAPTURE(bad);
        CHECK_FALSE(object_key::make(tenant, {bad}));
        CHECK_FALSE(object_key::make(tenant, {"exports", bad}));
        CHECK_FALSE(object_key::make(tenant, {bad, "a"}));
    }
    CHECK_FALSE(object_key::make(tenant, {std::string("a\0b", 3)}));
    CHECK_FALSE(object_key::make(tenant, {std::string(101, 'a')}));
    CHECK_FALSE(object_key::make(tenant, {}));
    CHECK_FALSE(object_key::make(tenant, std::vector<std::string>(9, "a")));
}
