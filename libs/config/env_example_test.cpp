// SPDX-License-Identifier: Apache-2.0
// infra/env.example is generated. After a change of the table: UPDATE_GOLDEN=1 <build>/bin/config_test
// "[golden]"
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/testing/catch.hpp"
#include "config/load.hpp"

using namespace bulkhead::config;

TEST_CASE("env.example: is what the table says", "[config][golden]") {
    constexpr auto path = "infra/env.example";  // CTest starts tests in the source directory
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << env_example();
    std::ifstream file(path);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    CHECK(text == env_example());
}

TEST_CASE("env.example: defaults load, secrets are commented out", "[config]") {
    environment_variables variables{{"DATABASE_URL", "postgresql://localhost/bulkhead"},
                                    {"REDIS_URL", "redis://localhost"},
                                    {"JWT_SECRET", "7pX2vQ9sL4kR8wZ1nB6mT3yH5cJ0dFgE"}};
    std::istringstream lines(env_example());
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with('#')) continue;
        const auto equals = line.find('=');
        REQUIRE(equals != std::string::npos);
        CHECK(line.find("SECRET") == std::string::npos);
        CHECK(line.find("KEY") == std::string::npos);
        variables.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    CHECK(variables.contains("PORT"));
    for (const auto running : {program::api, program::worker, program::migrator})
        CHECK(load(running, variables));
}

TEST_CASE("table: names are unique and every row is complete", "[config]") {
    std::set<std::string_view> names;
    for (const auto& setting : table()) {
        INFO(setting.name);
        CHECK(names.insert(setting.name).second);
        for (const auto& other : setting.aliases) CHECK(names.insert(other.name).second);
        CHECK(setting.programs != 0);
        CHECK(setting.parse);
        CHECK(!setting.help.empty());
        CHECK(!setting.type.empty());
        CHECK((setting.show == shown::plain || setting.fallback.empty()));
    }
    CHECK(table().front().name == "ENVIRONMENT");
}
