// SPDX-License-Identifier: Apache-2.0
#include "tenancy/tenant.hpp"

#include <vector>

#include "base/testing/catch.hpp"

namespace bulkhead::tenancy {
namespace {

TEST_CASE("tenant: slugs follow the rule", "[tenancy]") {
    for (const auto& slug :
         std::vector<std::string>{"ab", "acme", "acme-2", "a--b", "x1", "default", std::string(39, 'a')})
        CHECK(check_slug(slug));
    struct expectation {
        std::string slug;
        std::string code;
    };
    const expectation table[] = {
        {"", "too_short"},           {"a", "too_short"},           {std::string(40, 'a'), "too_long"},
        {"1abc", "invalid_format"},  {"-abc", "invalid_format"},   {"abc-", "invalid_format"},
        {"Acme", "invalid_format"},  {"ac me", "invalid_format"},  {"ac_me", "invalid_format"},
        {"ac.me", "invalid_format"}, {"acme\n", "invalid_format"}, {"\xc3\xa4pfel", "invalid_format"},
        {"admin", "reserved"},       {"www", "reserved"},          {"api", "reserved"},
        {"health", "reserved"},      {"docs", "reserved"},         {"platform", "reserved"},
    };
    for (const auto& row : table) {
        INFO(row.slug);
        const auto checked = check_slug(row.slug);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == errc::validation_failed);
        REQUIRE(checked.error().fields.size() == 1);
        CHECK(checked.error().fields[0].pointer == "/slug");
        CHECK(checked.error().fields[0].code == row.code);
    }
}

TEST_CASE("tenant: status names round trip", "[tenancy]") {
    for (const auto status : {tenant_status::provisioning, tenant_status::active, tenant_status::suspended,
                              tenant_status::maintenance, tenant_status::deleted, tenant_status::purging})
        CHECK(parse_status(status_name(status)) == status);
    CHECK_FALSE(parse_status("Active"));
    CHECK_FALSE(parse_status(""));
}

TEST_CASE("tenant: connects as its own role, to its own server", "[tenancy]") {
    const auto id = *uuid::parse("0190c2a0-0000-7000-8000-00000000002a");
    CHECK(database_name(id) ==
          "bulkhead_t_0190c2a0000070008000"
          "00000000002a");
    tenant one{.id = id, .database = database_name(id), .role = "r", .password = secret("pw")};
    const auto control =
        postgres::parse_database_url("postgresql://admin:root@h:6000/control?sslmode=require").value();

    const auto app = tenant_conninfo(control, one);
    CHECK(app.host == "h");
    CHECK(app.user == "r");
    CHECK(app.password.reveal() == "pw");
    CHECK(app.dbname == one.database);
    CHECK(app.sslmode == "require");

    one.server.host = "other";
    const auto elsewhere = tenant_conninfo(control, one);
    CHECK(elsewhere.host == "other");
    CHECK(elsewhere.port.empty());
    CHECK(elsewhere.sslmode == "require");

    const sealed_box box(std::nullopt);
    const auto unowned = owner_conninfo(control, one, box).value();
    CHECK(unowned.user == "admin");
    CHECK(unowned.dbname == one.database);
    one.owner_role = owner_role_name(id);
    one.sealed_owner_password = box.seal("ddl", owner_password_context(id));
    one.server.pooler_host = "pooler";
    const auto owner = owner_conninfo(control, one, box).value();
    CHECK(owner.host == "other");
    CHECK(owner.user == one.database + "_owner");
    CHECK(owner.password.reveal() == "ddl");
    CHECK(tenant_conninfo(control, one).host == "pooler");
}

}  // namespace
}  // namespace bulkhead::tenancy
