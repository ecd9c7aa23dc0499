// SPDX-License-Identifier: Apache-2.0
#include "ops/tenant_metrics.hpp"

#include <fmt/format.h>

#include "base/testing/catch.hpp"

namespace bulkhead::ops {
namespace {

struct parts {
    net::io_context context;
    postgres::pool_set pools{context.get_executor(), {}};
    postgres::conninfo control;
    sealed_box box{secret(std::string(32, 'k'))};
    metrics::registry counts;
    tenancy::registry tenants{pools, control, box, tenancy::registry_metrics(counts)};
    tenant_metrics numbers{tenants, pools};
};

TEST_CASE("tenant metrics: answers are counted by tenant and status class", "[ops]") {
    parts p;
    for (unsigned status : {200, 201, 404, 503, 200}) p.numbers.count("acme", status);
    p.numbers.count("zenith", 204);
    const auto table = p.numbers.take(steady_clock::now());
    REQUIRE(table.at("acme").answers == std::array<std::uint64_t, 5>{0, 3, 0, 1, 1});
    REQUIRE(table.at("zenith").answers == std::array<std::uint64_t, 5>{0, 1, 0, 0, 0});
    const auto text = render(table);
    REQUIRE(text.find("bulkhead_tenant_responses_total{tenant=\"acme\",class=\"2xx\"} 3\n") != text.npos);
    REQUIRE(text.find("bulkhead_tenant_connections{tenant=\"acme\"} 0\n") != text.npos);
    REQUIRE(text.find("class=\"1xx\"") == text.npos);
}

TEST_CASE("tenant metrics: however many tenants there are, so many have names", "[ops]") {
    parts p;
    constexpr auto most = tenant_metrics::most_tenants;
    for (std::size_t i = 0; i < most + 50; ++i)
        for (int n = 0; n < 2; ++n) p.numbers.count(fmt::format("tenant-{}", i), 200);
    const auto table = p.numbers.take(steady_clock::now());
    REQUIRE(table.size() == most + 1);
    REQUIRE(table.at(std::string(other_tenants)).answers[1] == 100);
}

TEST_CASE("tenant metrics: a tenant that has been silent for long makes room, and nothing is lost", "[ops]") {
    parts p;
    p.numbers.count("old", 200);
    const auto later = steady_clock::now() + tenant_metrics::most_silence + std::chrono::seconds{1};
    const auto table = p.numbers.take(later);
    REQUIRE_FALSE(table.contains("old"));
    REQUIRE(table.at(std::string(other_tenants)).answers[1] == 1);
}

}  // namespace
}  // namespace bulkhead::ops
