// SPDX-License-Identifier: Apache-2.0
#include "tenancy/directory.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::tenancy;

TEST_CASE("tenant of a host: the label under the base domain", "[tenancy]") {
    REQUIRE(slug_of_host("acme.example.com", "example.com") == "acme");
    REQUIRE(slug_of_host("ACME.Example.com:8000", "example.com") == "acme");
    REQUIRE(slug_of_host("a.b.example.com", "example.com") == "a.b");  // refused later: no slug has a dot
    for (auto host : {"example.com", "acmeexample.com", "acme.example.org", "", "localhost:8000"})
        REQUIRE_FALSE(slug_of_host(host, "example.com"));
    REQUIRE_FALSE(slug_of_host("acme.example.com", ""));
}
