// SPDX-License-Identifier: Apache-2.0
// Servers beside the control database's own: how they are reached, and what is refused.
#include "lifecycle/inspection.hpp"
#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

postgres::conninfo other_login() {
    return postgres::parse_database_url(other_server().database_url()).value();
}

std::string code_of(const result<void>& outcome) {
    REQUIRE_FALSE(outcome);
    return outcome.error().fields.empty() ? std::string(describe(outcome.error().code).name)
                                          : std::string(outcome.error().fields.front().code);
}

TEST_CASE("servers: what leads to the control database's server does not lead others there",
          "[integration]") {
    copy_house house;
    house.admin.extra = {{"hostaddr", "127.0.0.9"}, {"service", "main"}, {"options", "-c geqo=off"}};
    auto at = house.site();
    CHECK(lifecycle::server_login(at, "control")->extra.size() == 3);
    const auto login = lifecycle::server_login(at, "other");
    REQUIRE(login);
    CHECK(login->extra == decltype(login->extra){{"options", "-c geqo=off"}});
    const auto there = at.server("other");
    REQUIRE(there);
    CHECK((*there)->run("show geqo")->text(0, 0) == "off");
}

TEST_CASE("servers: a URL with parameters that are not kept is refused", "[integration]") {
    copy_house house;
    const auto add = [&](std::string keyword, std::string value) {
        auto login = other_login();
        login.extra = {{std::move(keyword), std::move(value)}};
        return lifecycle::add_server(house.site(), "west", login);
    };
    house.admin.extra = {{"hostaddr", "127.0.0.1"}, {"options", "-c geqo=off"}};
    for (const auto& [keyword, value] :
         {std::pair("sslrootcert", "/ca.pem"), std::pair("options", "-c geqo=on"),
          std::pair("hostaddr", "127.0.0.1")}) {
        const auto refused = add(keyword, value);
        CHECK(code_of(refused) == "not_kept");
        CHECK(refused.error().fields.front().detail.find(keyword) != std::string::npos);
    }
    auto nobody = other_login();
    nobody.user.clear();
    CHECK(code_of(lifecycle::add_server(house.site(), "west", nobody)) == "required");
    auto several = other_login();
    several.port = "5432,5433";
    CHECK(code_of(lifecycle::add_server(house.site(), "west", several)) == "not_kept");

    CHECK(add("options", "-c geqo=off"));
    auto plain = other_login();
    plain.sslmode = "disable";
    REQUIRE(lifecycle::add_server(house.site(), "south", plain));
    CHECK(lifecycle::server_login(house.site(), "south")->sslmode == "disable");
}

TEST_CASE("servers: where TLS is demanded, none is reached in the clear", "[integration]") {
    copy_house house;
    const auto away = [](std::string_view sslmode) {
        return postgres::parse_database_url(
                   fmt::format("postgresql://u:p@db.invalid/postgres?sslmode={}", sslmode))
            .value();
    };
    house.settings.demand_tls = true;
    for (const auto* const mode : {"disable", "allow", "prefer"})
        CHECK(code_of(lifecycle::add_server(house.site(), "away", away(mode))) == "not_encrypted");
    CHECK(code_of(lifecycle::add_server(house.site(), "away", away("require"))) == "unavailable");

    CHECK(code_of(lifecycle::set_pooler(house.site(), "other", "pooler.invalid", "6432")) == "not_encrypted");
    CHECK(code_of(lifecycle::set_pooler(house.site(), "control", "pooler.invalid", "6432")) ==
          "not_encrypted");
    for (const auto& one : lifecycle::list_servers(house.site()).value())
        CHECK(one.address.pooler_host.empty());
    CHECK(lifecycle::set_pooler(house.site(), "other", "127.0.0.1", "6432"));

    // What was registered before it was demanded.
    const auto complaints = [&] {
        auto at = house.site();
        const auto found = lifecycle::inspect(at, std::nullopt);
        REQUIRE(found);
        return std::ranges::count_if(*found, [](const auto& each) {
            return each.about == "server other" &&
                   each.what.find("pooler.invalid (sslmode prefer)") != std::string::npos;
        });
    };
    house.settings.demand_tls = false;
    CHECK(lifecycle::set_pooler(house.site(), "other", "pooler.invalid", "6432"));
    CHECK(complaints() == 0);
    house.settings.demand_tls = true;
    CHECK(complaints() == 1);
    REQUIRE(house.control.run("update servers set sslmode = 'require' where name = 'other'"));
    CHECK(complaints() == 0);
}

}  // namespace
}  // namespace bulkhead::testing
