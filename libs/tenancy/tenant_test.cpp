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

TEST_CASE("tenant: what the control database's URL says of its own server is for that alone", "[tenancy]") {
    auto control = postgres::parse_database_url(
                       "postgresql://admin:root@h:6000/control?hostaddr=10.0.0.1&service=main&"
                       "sslrootcert=/ca.pem&options=-c%20geqo%3Doff")
                       .value();
    const auto parameters = [&](const server_address& at) {
        std::string out;
        for (const auto& [name, value] : tenant_conninfo(control, {.server = at}).extra) out += name + ' ';
        return out;
    };
    CHECK(parameters({}) == "service hostaddr options sslrootcert ");
    CHECK(parameters({.host = "other"}) == "options sslrootcert ");
    CHECK(parameters({.host = "other", .pooler_host = "pooler"}) == "sslrootcert ");
    CHECK(parameters({.pooler_host = "pooler"}) == "sslrootcert ");
    CHECK_FALSE(tenant_conninfo(control, {.server = {.host = "other"}}).through_pooler);
    const auto pooled = tenant_conninfo(control, {.server = {.pooler_host = "h", .pooler_port = "6000"}});
    CHECK(pooled.through_pooler);
    control.extra = pooled.extra;
    CHECK_FALSE(pooled.same_as(tenant_conninfo(control, {})));  // the same address, but not the same way
}

}  // namespace
}  // namespace bulkhead::tenancy
