// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <vector>

#include "base/testing/catch.hpp"
#include "base/text.hpp"
#include "command_table.hpp"

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

    const auto limits =
        parse_arguments(words{"tenant", "limits", "acme", "--users", "none", "--storage-bytes=0"});
    REQUIRE(limits);
    CHECK(limits->users.given);
    CHECK_FALSE(limits->users.value);
    CHECK(limits->storage_bytes.value == 0);
    CHECK_FALSE(limits->jobs_in_flight.given);

    const auto gone = parse_arguments(words{"tenant", "purge", "acme", "--confirm=acme"});
    REQUIRE(gone);
    CHECK(gone->run == command::tenant_purge);

    const auto pooler = parse_arguments(words{"server", "pooler", "east", "[::1]:6432"});
    REQUIRE(pooler);
    CHECK(pooler->server == "east");
    CHECK(pooler->pooler == "[::1]:6432");

    const auto moved =
        parse_arguments(words{"tenant", "move", "acme", "--server", "east", "--max-pause", "5s"});
    REQUIRE(moved);
    CHECK(moved->server == "east");
    CHECK(moved->max_pause == std::chrono::seconds(5));
    const auto imported = parse_arguments(words{"tenant", "import", "/tmp/acme.tar", "acme"});
    REQUIRE(imported);
    CHECK(imported->file == "/tmp/acme.tar");
    CHECK(imported->slug == "acme");

    CHECK(parse_arguments(words{"keys", "rotate", "--tenant", "acme", "--credentials"})->slug == "acme");
    CHECK(parse_arguments(words{"tenant", "repair"})->run == command::tenant_repair);
    CHECK(parse_arguments(words{"tenant", "repair", "acme"})->slug == "acme");
    CHECK(parse_arguments(words{"tenant", "rename", "acme", "emca"})->new_slug == "emca");
    CHECK(parse_arguments(words{"tenant", "list", "--json"})->run == command::tenant_list);
    CHECK(parse_arguments(words{"tenant", "--help"})->group == "tenant");
    CHECK(parse_arguments(words{"help", "keys"})->group == "keys");
    CHECK(parse_arguments(words{"up", "--help"})->group.empty());
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
        {{"keys"}, "keys: expected one of generate, list, rotate"},
        {{"keys", "burn"}, "keys: expected one of generate, list, rotate"},
        {{"tenant", "create"}, "tenant create: SLUG is missing"},
        {{"tenant", "create", ""}, "tenant create: SLUG is empty"},
        {{"tenant", "rename", "a"}, "tenant rename: NEW is missing"},
        {{"tenant", "create", "a", "--reason", "x"}, "unknown option --reason; see --help"},
        {{"tenant", "create", "a", "N"}, "unexpected argument \"N\""},
        {{"tenant", "delete", "a"}, "tenant delete: add --confirm=a to say that this tenant is meant"},
        {{"tenant", "purge", "a", "--confirm", "b"},
         "tenant purge: the confirmation names another tenant; give --confirm=a to say that this tenant is "
         "meant"},
        {{"tenant", "limits", "a", "--users", "-1"}, "--users: \"-1\" is neither a number nor \"none\""},
        {{"tenant", "limits", "a", "--users", "9007199254740992"},
         "--users: \"9007199254740992\" is neither a number nor \"none\""},
        {{"tenant", "list", "--status", "gone"},
         "--status: \"gone\" is none of provisioning, active, suspended, maintenance, deleted, purging"},
        {{"server", "add", "east"}, "server add: --url-file is missing"},
        {{"tenant", "export", "a"}, "tenant export: --output is missing"},
        {{"tenant", "import", "f"}, "tenant import: SLUG is missing"},
        {{"tenant", "move", "a", "--max-pause=5s"}, "tenant move: --server is missing"},
        {{"tenant", "move", "a", "--max-pause=0s"}, "--max-pause: \"0s\" is not a time from 1s to 1h"},
        {{"keys", "rotate", "--tenant", "a"}, "--tenant needs --credentials"},
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

TEST_CASE("migrator arguments: every synopsis can be parsed", "[migrator]") {
    for (const auto& row : command_table()) {
        INFO(row.group << " " << row.verb);
        words line;
        if (!row.group.empty()) line.push_back(row.group);
        line.push_back(row.verb);
        for (const auto word : split(row.synopsis, ' ')) {
            if (word.starts_with("[") || word.find('\n') != word.npos) break;
            if (word.starts_with("--confirm"))
                line.push_back("--confirm=none");
            else if (!word.empty())  // an option, or something for which "none" stands
                line.push_back(word.starts_with("--") ? word : "none");
        }
        line.push_back("--json");
        const auto parsed = parse_arguments(line);
        INFO((parsed ? "" : parsed.error()));
        REQUIRE(parsed);
        CHECK(parsed->run == row.run);
        CHECK(parsed->json);
    }
}

TEST_CASE("migrator arguments: the help names every command, that of a group only its own", "[migrator]") {
    for (const std::string_view word :
         {"up", "status", "tenant create", "tenant purge", "server add", "keys rotate", "doctor", "--control",
          "--to N", "--json", "--owner-password-file", "--check-config"})
        CHECK(usage().find(word) != std::string::npos);
    CHECK(usage("keys").find("keys rotate") != std::string::npos);
    CHECK(usage("keys").find("tenant create") == std::string::npos);
    CHECK(usage("keys").find("server") == std::string::npos);
}

}  // namespace
}  // namespace bulkhead::migrator
