// SPDX-License-Identifier: Apache-2.0
// The migrator program as operators and pipelines run it: data on stdout, messages on stderr, exit statuses.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"
#include "fresh_database.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::migrator {
namespace {

struct outcome {
    int status = -1;
    std::string text;  // stdout
    std::string complaints;

    [[nodiscard]] std::vector<json::object> lines() const {
        std::vector<json::object> parsed;
        for (const auto line : split(trim(text), '\n'))
            parsed.push_back(parse_json(line).value().as_object());
        return parsed;
    }
};

std::string slurp(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct fixture {
    testing::fresh_database fresh;
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("migrator-test-{}", ::getpid());

    fixture() { std::filesystem::create_directories(folder); }
    ~fixture() { std::filesystem::remove_all(folder); }

    [[nodiscard]] outcome run(std::string_view arguments, std::string_view url = {}) const {
        const auto errors = folder / "stderr";
        const auto command = fmt::format(
            "env -i PATH=/usr/bin:/bin ENVIRONMENT=test DB_CONNECT_RETRIES=2 PASSWORD_HASH=bcrypt:4 "
            "DATABASE_URL='{}' "
            "'{}' {} 2>'{}'",
            url.empty() ? fresh.url() : url, BULKHEAD_MIGRATOR, arguments, errors.string());
        outcome result;
        FILE* pipe = ::popen(command.c_str(), "r");
        std::array<char, 4096> buffer{};
        for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
            result.text.append(buffer.data(), got);
        const int status = ::pclose(pipe);
        result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        result.complaints = slurp(errors);
        return result;
    }
    [[nodiscard]] postgres::session control() const {
        return postgres::session::open(postgres::parse_database_url(fresh.url()).value(),
                                       std::chrono::seconds(5))
            .value();
    }
};

TEST_CASE("migrator: from an empty server to a tenant", "[integration]") {
    const fixture f;
    CHECK(f.run("status").status == 4);
    CHECK(f.run("tenant list").status == 4);
    CHECK(f.run("tenant create acme").status == 4);
    const auto plan = f.run("up --dry-run");
    CHECK(plan.status == 0);
    CHECK(plan.text.starts_with("control  0001_tenants"));

    const auto up = f.run("up --json");
    CHECK(up.status == 0);
    CHECK(up.lines().back().at("type") == "summary");
    CHECK(up.lines().back().at("applied").to_number<int>() >= 1);
    CHECK(up.complaints.find("0001_tenants") != std::string::npos);
    CHECK(f.run("up --json").lines().back().at("applied") == 0);

    std::ofstream(f.folder / "password") << "a long enough secret\n";
    const auto owner = fmt::format("--owner-email Boss@Acme.test --owner-password-file '{}'",
                                   (f.folder / "password").string());
    const auto made = f.run("tenant create acme --name 'Acme Inc' --json " + owner);
    INFO(made.complaints);
    REQUIRE(made.status == 0);
    CHECK(made.lines().at(0).at("status") == "active");
    CHECK(made.lines().at(0).at("name") == "Acme Inc");
    CHECK(made.lines().at(1).at("created") == true);

    CHECK(f.run("tenant create acme").status == 1);
    const auto again = f.run("tenant create acme --if-absent --json " + owner);
    CHECK(again.status == 0);
    CHECK(again.lines().at(0).at("id") == made.lines().at(0).at("id"));
    CHECK(again.lines().at(1).at("created") == false);

    const auto status = f.run("status --json");
    CHECK(status.status == 0);
    REQUIRE(status.lines().size() == 3);
    CHECK(status.lines().at(1).at("name") == "acme");
    CHECK(status.lines().at(1).at("state") == "ok");
    CHECK(f.run("tenant list").text.starts_with("acme "));
}

TEST_CASE("migrator: one broken tenant does not stop the others", "[integration]") {
    const fixture f;
    REQUIRE(f.run("up").status == 0);
    for (const std::string slug : {"aa", "bb", "cc"}) REQUIRE(f.run("tenant create " + slug).status == 0);
    auto control = f.control();
    REQUIRE(control.run("update tenants set database = 'bulkhead_t_missing' where slug = 'bb'"));
    REQUIRE(control.run("update tenants set schema_version = 0 where slug = 'cc'"));

    const auto up = f.run("up --json");
    CHECK(up.status == 3);
    CHECK(up.lines().back().at("failed") == 1);
    CHECK(up.complaints.find("bulkhead_t_missing") != std::string::npos);
    CHECK(control.run("select schema_version from tenants where slug = 'cc'").value().integer(0, 0) > 0);
    CHECK(f.run("up --tenant bb").status == 1);
    CHECK(f.run("up --tenant cc").status == 0);
    CHECK(f.run("up --tenant dd").status == 1);
    CHECK(f.run("status").status == 3);
}

TEST_CASE("migrator: stops while it waits for a lock, and refuses a changed history", "[integration]") {
    const fixture f;
    auto control = f.control();
    REQUIRE(control.run("select pg_advisory_lock(x'62756c6b68656164'::bigint)"));
    // Up-to-date databases are not waited for, so this one must be empty; the wait is a minute, cut by a
    // signal.
    const auto stopped = f.run("up --control 2>/dev/null & sleep 1; kill -TERM $!; wait $!");
    CHECK(stopped.status == 143);
    REQUIRE(control.run("select pg_advisory_unlock(x'62756c6b68656164'::bigint)"));

    REQUIRE(f.run("up").status == 0);
    REQUIRE(control.run("update schema_migrations set checksum = 'x'"));
    CHECK(f.run("up").status == 6);
    const auto status = f.run("status --json");
    CHECK(status.status == 6);
    CHECK(status.lines().at(0).at("state") == "drift");
    CHECK(f.run("tenant create acme").status == 6);
}

TEST_CASE("migrator: says what is wrong with the command line, the settings and the server",
          "[integration]") {
    const fixture f;
    CHECK(f.run("--help").status == 0);
    CHECK(f.run("--version").text.starts_with("bulkhead-migrator "));
    CHECK(f.run("").status == 2);
    CHECK(f.run("up --control --to 999").status == 2);
    CHECK(f.run("tenant create admin").status == 2);
    CHECK(f.run("up", "mysql://x").status == 78);
    CHECK(f.run("--check-config", "mysql://x").status == 78);
    const auto config = f.run("--check-config", "postgresql://app:hunter2@db/x");
    CHECK(config.status == 0);
    CHECK(config.text.find("hunter2") == std::string::npos);

    const auto away = f.run("up", "postgresql://app:hunter2@127.0.0.1:1/x");
    CHECK(away.status == 1);
    CHECK(away.text.empty());
    CHECK(away.complaints.find("attempt=2") != std::string::npos);
    CHECK(away.complaints.find("attempt=3") == std::string::npos);
    CHECK(away.complaints.find("hunter2") == std::string::npos);

    REQUIRE(f.run("up").status == 0);
    std::ofstream(f.folder / "weak") << "password";
    const auto weak =
        f.run(fmt::format("tenant create acme --owner-email a@b.test --owner-password-file '{}'",
                          (f.folder / "weak").string()));
    CHECK(weak.status == 2);
    CHECK(f.run("tenant create acme --owner-email a@b.test --owner-password-file /nonexistent").status == 2);
    CHECK(f.run("tenant list").text.empty());
}

}  // namespace
}  // namespace bulkhead::migrator
