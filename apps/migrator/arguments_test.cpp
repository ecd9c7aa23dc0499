// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <vector>

#include "base/testing/catch.hpp"

namespace bulkhead::migrator {
namespace {

using words = std::vector<std::string_view>;

std::string problem_of(const words& line) {
    const auto parsed = parse_arguments(line);
    return parsed ? "" : parsed.error();
}

TEST_CASE("migrator arguments: reads every command", "[migrator]") {
    const auto all = parse_arguments(words{"up"});
    REQUIRE(all);
    CHECK(all->run == command::up);
    CHECK(all->databases == target::everything);
    CHECK_FALSE(all->to);

    const auto one = parse_arguments(words{"up", "--tenant=acme", "--to", "3", "--dry-run", "--json"});
    REQUIRE(one);
    CHECK(one->databases == target::one_tenant);
    CHECK(one->slug == "acme");
    CHECK(one->to == 3);
    CHECK(one->dry_run);
    CHECK(one->json);

    const auto created = parse_arguments(words{"tenant", "create", "acme", "--name", "Acme & Co",
                                               "--if-absent", "--owner-email", "a@b.c",
                                               "--owner-password-file", "/run/secret", "--owner-name=Boss"});
    REQUIRE(created);
    CHECK(created->run == command::tenant_create);
    CHECK(created->slug == "acme");
    CHECK(created->name == "Acme & Co");
    CHECK(created->if_absent);
    CHECK(created->owner_email == "a@b.c");
    CHECK(created->owner_password_file == "/run/secret");
    CHECK(created->owner_name == "Boss");

    CHECK(parse_arguments(words{"tenant", "list", "--json"})->run == command::tenant_list);
    CHECK(parse_arguments(words{"status"})->run == command::status);
    CHECK(parse_arguments(words{"--version"})->run == command::version);
    CHECK(parse_arguments(words{"--check-config"})->run == command::check_config);
    CHECK(parse_arguments(words{"up", "--nonsense", "--help"})->run == command::help);
    CHECK(parse_arguments(words{"-h"})->run == command::help);
}

TEST_CASE("migrator arguments: says exactly what is wrong", "[migrator]") {
    struct expectation {
        words line;
        std::string_view problem;
    };
    const expectation table[] = {
        {{}, "a command is missing; see --help"},
        {{"down"}, "unknown command \"down\"; see --help"},
        {{"tenant"}, "tenant: expected create or list"},
        {{"tenant", "drop"}, "tenant: expected create or list"},
        {{"tenant", "create"}, "tenant create: the slug is missing"},
        {{"tenant", "create", "a", "b"}, "unexpected argument \"b\""},
        {{"up", "acme"}, "unexpected argument \"acme\""},
        {{"up", "--force"}, "unknown option --force; see --help"},
        {{"status", "--dry-run"}, "unknown option --dry-run; see --help"},
        {{"up", "--control", "--tenants"}, "--tenants: --control, --tenants and --tenant exclude each other"},
        {{"up", "--tenant"}, "--tenant needs a value"},
        {{"up", "--tenant="}, "--tenant: the value is empty"},
        {{"up", "--dry-run=yes"}, "--dry-run takes no value"},
        {{"up", "--dry-run", "--dry-run"}, "--dry-run is given twice"},
        {{"up", "--to", "2"}, "--to needs --control, --tenants or --tenant"},
        {{"up", "--control", "--to", "two"}, "--to: \"two\" is not the number of a migration"},
        {{"up", "--control", "--to=0"}, "--to: \"0\" is not the number of a migration"},
        {{"up", "--control", "--to=99999999999999999999"},
         "--to: \"99999999999999999999\" is not the number of a migration"},
        {{"tenant", "create", "a", "--owner-email", "x"},
         "--owner-email and --owner-password-file belong together"},
        {{"tenant", "create", "a", "--owner-name", "x"}, "--owner-name needs --owner-email"},
        {{"--version", "up"}, "unknown command \"--version\"; see --help"},
    };
    for (const auto& row : table) CHECK(problem_of(row.line) == row.problem);
}

TEST_CASE("migrator arguments: the help names every command and option", "[migrator]") {
    for (const std::string_view word :
         {"up", "status", "tenant create", "tenant list", "--control", "--tenants", "--tenant", "--to",
          "--dry-run", "--json", "--if-absent", "--name", "--owner-email", "--owner-password-file",
          "--owner-name", "--check-config"})
        CHECK(usage().find(word) != std::string_view::npos);
}

}  // namespace
}  // namespace bulkhead::migrator
