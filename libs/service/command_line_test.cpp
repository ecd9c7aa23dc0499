// SPDX-License-Identifier: Apache-2.0
#include "service/command_line.hpp"

#include <string>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead::service;

namespace {

int status_of(std::vector<std::string> arguments) {
    std::vector<char*> raw;
    for (auto& each : arguments) raw.push_back(each.data());
    return run({bulkhead::config::program::worker, "program", "for tests"}, raw,
               [](const auto&) { return 99; });
}

}  // namespace

TEST_CASE("command line: flags are answered without serving", "[service]") {
    REQUIRE(status_of({"program", "--help"}) == exit_ok);
    REQUIRE(status_of({"program", "--version"}) == exit_ok);
    REQUIRE(status_of({"program", "--wrong"}) == exit_usage);
    REQUIRE(status_of({"program", "--help", "more"}) == exit_usage);
}
