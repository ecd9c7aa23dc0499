// SPDX-License-Identifier: Apache-2.0
#include "features/platform/model.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::platform;

namespace {

std::string code_of(const std::string& slug) {
    const auto read = schema::from_json<clone_input>(json::object{{"slug", slug}, {"name", "x"}});
    if (read) return "";
    REQUIRE(read.error().fields.size() == 1);
    REQUIRE(read.error().fields.front().pointer == "/slug");
    return read.error().fields.front().code;
}

tenancy::tenant_limits patched_by(std::string_view patch) {
    const tenancy::tenant_limits now{.users = tenancy::quota(5), .storage_bytes = tenancy::quota(1000)};
    return patched(now, schema::parse<tenant_patch>(patch)->limits);
}

}  // namespace

TEST_CASE("platform: slugs, each with what is wrong about it", "[platform]") {
    for (const auto* const good : {"ab", "acme", "a1-b2", "default"}) CHECK(code_of(good).empty());
    CHECK(code_of("a") == "too_short");
    CHECK(code_of(std::string(39, 'a')).empty());
    CHECK(code_of(std::string(40, 'a')) == "too_long");
    CHECK(code_of("www") == "reserved");
    for (const auto* const bad :
         {"Acme", "1a", "-a", "a-", "a_b", "a.b", "a b", "caf\xc3\xa9", "a'--", "a;drop"})
        CHECK(code_of(bad) == "invalid_format");
}

TEST_CASE("platform: a patch of limits merges", "[platform]") {
    CHECK(patched_by("{}").users == tenancy::quota(5));
    CHECK(patched_by(R"({"limits":{"users":7}})").users == tenancy::quota(7));
    CHECK(patched_by(R"({"limits":{"users":7}})").storage_bytes == tenancy::quota(1000));
    CHECK_FALSE(patched_by(R"({"limits":{"users":null}})").users.has_value());
    CHECK(patched_by(R"({"limits":null})") == tenancy::tenant_limits{});
}

TEST_CASE("platform: a tenant's tag follows what is seen of it", "[platform]") {
    tenant one{.slug = "acme", .name = "Acme"};
    const auto before = etag_of(one);
    CHECK(before.size() == 24);
    CHECK(etag_of(one) == before);
    one.status = tenant_state::suspended;
    CHECK(etag_of(one) != before);
}

TEST_CASE("platform: every state of a tenant has its name here", "[platform]") {
    using enum tenancy::tenant_status;
    for (const auto status : {provisioning, active, suspended, maintenance, deleted, purging}) {
        const tenancy::tenant known{
            .id = {}, .slug = "acme", .status = status, .created_at = "2026-01-31T09:30:00.000Z"};
        CHECK(schema::enum_name(to_tenant(known).status) == status_name(status));
        CHECK_FALSE(to_tenant(known).purge_after.has_value());
    }
}
