// SPDX-License-Identifier: Apache-2.0
#include "tenancy/limits.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::tenancy {
namespace {

TEST_CASE("limits: each that is understood holds, whatever stands beside it", "[tenancy]") {
    CHECK(parse_limits("") == tenant_limits{});
    CHECK(parse_limits("{}") == tenant_limits{});
    CHECK(parse_limits("[]") == tenant_limits{});
    CHECK(parse_limits("no JSON") == tenant_limits{});
    const tenant_limits wanted{
        .users = quota(5), .requests_per_minute = {}, .storage_bytes = quota(0), .jobs_in_flight = {}};
    CHECK(parse_limits(R"({"users":5,"storage_bytes":0,"jobs_in_flight":null})") == wanted);
    CHECK(parse_limits(R"({"users":5,"storage_bytes":0,"seats":{"most":3}})") == wanted);
    CHECK(parse_limits(R"({"users":5,"storage_bytes":0,"requests_per_minute":"many"})") == wanted);
    CHECK(parse_limits(R"({"users":5,"storage_bytes":0,"requests_per_minute":-1})") == wanted);
    CHECK(parse_limits(schema::to_json(wanted)) == wanted);
}

}  // namespace
}  // namespace bulkhead::tenancy
