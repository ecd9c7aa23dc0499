// SPDX-License-Identifier: Apache-2.0
// Roles whose password the server never saw log in with it.
#include "persistence/postgres/scram.hpp"

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("scram: the server takes a login by the verifier, and no other", "[integration]") {
    const auto database = fresh_database_name();
    for (const unsigned rounds : {1u, 4096u}) {
        const auto role = fmt::format("{}_{}", database, rounds);
        const auto verifier = postgres::scram_verifier("a random password", rounds).value();
        shared_servers().execute(database, fmt::format("create role {} login password '{}'", role, verifier));
        CHECK(shared_servers().execute(database, fmt::format("select rolpassword from pg_authid where "
                                                             "rolname = '{}'",
                                                             role)) == verifier);
        {
            pool_house house;
            const auto log_in = [&](std::string_view password) {
                auto target = target_of(database).with_login(database, role, secret(std::string(password)));
                const auto known =
                    house.on_reactor([&] { return house.pools().get(std::string(password), target); });
                return must_end(house.spawn(ask(known, "select current_user::text", intent::read, 10s)));
            };
            CHECK(log_in("a random password") == role);
            CHECK(word(log_in("another password")) == "unavailable");
        }
        shared_servers().execute(database, fmt::format("drop role {}", role));
    }
}

}  // namespace
}  // namespace bulkhead::testing
