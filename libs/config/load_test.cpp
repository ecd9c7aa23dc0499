// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/testing/catch.hpp"

using namespace bulkhead::config;
using namespace std::chrono_literals;

namespace {

constexpr auto strong = "7pX2vQ9sL4kR8wZ1nB6mT3yH5cJ0dFgE";

environment_variables minimal(environment_variables more = {}) {
    more.emplace("DATABASE_URL", "postgresql://app:hunter22@db.example/bulkhead");
    more.emplace("REDIS_URL", "redis://:sesame99@cache.example:6380/2");
    more.emplace("JWT_SECRET", strong);
    return more;
}

std::vector<std::string> problems(const environment_variables& variables, program running = program::api) {
    const auto read = load(running, variables);
    return read ? std::vector<std::string>{} : read.error();
}

bool any_has(const std::vector<std::string>& lines, std::string_view text) {
    return std::ranges::any_of(lines,
                               [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

class temporary_file {
public:
    explicit temporary_file(std::string_view content) {
        std::string path = "/tmp/bulkhead_config_XXXXXX";
        ::close(::mkstemp(path.data()));
        path_ = path;
        std::ofstream(path_) << content;
    }
    ~temporary_file() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

TEST_CASE("load: defaults", "[config]") {
    const auto read = load(program::api, minimal());
    REQUIRE(read);
    const auto& values = read->values;
    CHECK(values.env == environment::development);
    CHECK(values.port == 8000);
    CHECK(values.ops_port == 9000);
    CHECK(values.bind_address == "0.0.0.0");
    CHECK(values.ops_bind == "127.0.0.1");
    CHECK(values.api_threads >= 1);
    CHECK(values.body_limit == 1024 * 1024);
    CHECK(values.enable_swagger);
    CHECK(values.db_ssl_mode == "prefer");
    CHECK(!values.db_pool_max);
    CHECK(values.db_connect_retries == 3);
    CHECK(values.db_statement_timeout == 5s);
    CHECK(values.redis.host == "cache.example");
    CHECK(values.jwt_access_ttl == 15min);
    CHECK(values.jwt_issuer == "bulkhead");
    CHECK(values.bcrypt_cost == 12);
    CHECK(values.default_tenant == "default");
    CHECK(values.log_file_max == 10'000'000);
    CHECK(values.log_files == 5);
    CHECK(values.shutdown_timeout == 30s);
    CHECK(values.shutdown_drain_delay == 0s);
    CHECK(read->warnings.empty());
}

TEST_CASE("load: each program reads its own rows only", "[config]") {
    const environment_variables database_only{{"DATABASE_URL", "postgres://localhost/b"},
                                              {"PORT", "nonsense"}};
    CHECK(problems(database_only, program::migrator).empty());
    const auto of_worker = problems(database_only, program::worker);
    REQUIRE(of_worker.size() == 1);
    CHECK(of_worker[0].starts_with("REDIS_URL: required"));
    CHECK(problems(database_only, program::api).size() == 3);  // REDIS_URL, JWT_SECRET, PORT
    const auto read = load(program::worker, minimal());
    REQUIRE(read);
    CHECK(read->values.ops_port == 9001);
    CHECK(read->report.find("JWT_SECRET") == std::string::npos);
}

TEST_CASE("load: lists every problem at once and says what to do", "[config]") {
    const auto found = problems({{"PORT", "70000"},
                                 {"OPS_PORT", "-1"},
                                 {"DATABASE_URL", "mysql://root:hunter22@db/x"},
                                 {"BODY_LIMIT", "11MiB"},
                                 {"LOG_LEVEL", "loud"},
                                 {"PASSWORD_HASH", "argon2id:m=19456,t=2,p=1"},
                                 {"DB_STATEMENT_TIMEOUT", "5 parsecs"}});
    CHECK(found.size() == 9);
    CHECK(any_has(
        found,
        "JWT_SECRET: required (alias JWT_SECRET_KEY, SECRET_KEY, BETTER_AUTH_SECRET): set at least 32 "
        "random bytes, e.g. openssl rand -base64 32"));
    CHECK(any_has(found, "PORT: \"70000\" is not a whole number from 1 to 65535"));
    CHECK(any_has(found, "bcrypt:4 to bcrypt:15"));
    CHECK(!any_has(found, "hunter22"));
}

TEST_CASE("load: aliases", "[config]") {
    auto read = load(program::api, minimal({{"NODE_ENV", "test"},
                                            {"WEB_CONCURRENCY", "3"},
                                            {"DB_POOL_SIZE", "20"},
                                            {"JWT_EXPIRATION_HOURS", "1.5"}}));
    REQUIRE(read);
    CHECK(read->values.env == environment::test);
    CHECK(read->values.api_threads == 3);
    CHECK(read->values.db_pool_max == 20U);
    CHECK(read->values.jwt_access_ttl == 90min);
    CHECK(read->report.find("(from JWT_EXPIRATION_HOURS)") != std::string::npos);

    CHECK(problems(minimal({{"NODE_ENV", "test"}, {"APP_ENV", "test"}})).empty());
    CHECK(problems(minimal({{"JWT_ACCESS_TTL", "1h"}, {"JWT_EXPIRATION_HOURS", "1"}})).empty());
    const auto clash = problems(minimal({{"NODE_ENV", "test"}, {"APP_ENV", "staging"}}));
    REQUIRE(clash.size() == 1);
    CHECK(any_has(clash, "APP_ENV and NODE_ENV"));
    for (const auto* const hours : {"0", "-1", "nan", "1h", "99999999", "inf", ""})
        CHECK(problems(minimal({{"JWT_EXPIRATION_HOURS", hours}})).size() == (*hours == '\0' ? 0 : 1));
}

TEST_CASE("load: a blank or unexpanded PORT gets the default and a warning", "[config]") {
    for (const auto* const text : {"", "$PORT", "${PORT}"}) {
        const auto read = load(program::api, minimal({{"PORT", text}}));
        REQUIRE(read);
        CHECK(read->values.port == 8000);
        REQUIRE(read->warnings.size() == 1);
        CHECK(read->warnings[0].starts_with("PORT: "));
    }
    for (const auto* const text : {"0", "65536", "80a", " 80", "+80", "0x50", "$OPS_PORT", "-1", "8000.0"})
        CHECK(problems(minimal({{"PORT", text}})).size() == 1);
}

TEST_CASE("load: empty values count as absent", "[config]") {
    const auto read = load(program::api, minimal({{"LOG_LEVEL", ""}, {"DEBUG", ""}, {"JWT_SECRET_KEY", ""}}));
    REQUIRE(read);
    CHECK(read->values.log_level == "info");
    auto without = minimal();
    without["JWT_SECRET"] = "";
    CHECK(any_has(problems(without), "JWT_SECRET: required"));
}

TEST_CASE("load: NAME_FILE", "[config]") {
    auto variables = minimal();
    variables.erase("JWT_SECRET");
    SECTION("one line end is removed, of aliases too") {
        for (const auto* const end : {"", "\n", "\r\n"}) {
            const temporary_file file(std::string(strong) + end);
            variables["SECRET_KEY_FILE"] = file.path();
            const auto read = load(program::api, variables);
            REQUIRE(read);
            CHECK(read->values.jwt_secret.reveal() == strong);
            CHECK(read->report.find("(from SECRET_KEY_FILE)") != std::string::npos);
        }
    }
    SECTION("a second line, an empty, missing or huge file, and a folder are problems") {
        const temporary_file two(std::string(strong) + "\n\n");
        const temporary_file empty("\n");
        const temporary_file huge(std::string(70'000, 'x'));
        for (const auto& path :
             {two.path(), empty.path(), huge.path(), std::string("/nonexistent/x"), std::string("/tmp")}) {
            variables["JWT_SECRET_FILE"] = path;
            const auto found = problems(variables);
            REQUIRE(found.size() == 1);
            CHECK(found[0].starts_with("JWT_SECRET_FILE: "));
        }
    }
    SECTION("not together with NAME") {
        const temporary_file file(strong);
        variables["JWT_SECRET_FILE"] = file.path();
        variables["JWT_SECRET"] = strong;
        CHECK(any_has(problems(variables), "JWT_SECRET: both it and JWT_SECRET_FILE are set"));
    }
}

TEST_CASE("load: the report is complete and holds no secret", "[config]") {
    const auto read = load(program::api, minimal({{"PASSWORD_PEPPER", "pepper-pepper"}}));
    REQUIRE(read);
    const auto& report = read->report;
    for (const auto* const hidden : {strong, "hunter22", "sesame99", "pepper-pepper"})
        CHECK(report.find(hidden) == std::string::npos);
    CHECK(report.find("JWT_SECRET            ***[32 chars]***\n") != std::string::npos);
    CHECK(report.find("postgresql://app:***[8 chars]***@db.example/bulkhead\n") != std::string::npos);
    CHECK(report.find("redis://:***[8 chars]***@cache.example:6380/2\n") != std::string::npos);
    CHECK(report.find("PORT                  8000  (default)\n") != std::string::npos);
    CHECK(report.find("DATA_KEY              (not set)\n") != std::string::npos);
}

TEST_CASE("load: control characters are refused", "[config]") {
    using namespace std::string_literals;
    for (const auto& text : {"a\nb"s, "a\rb"s, "a\tb"s, "a\0b"s, "\x7f"s})
        CHECK(any_has(problems(minimal({{"JWT_ISSUER", text}})),
                      "JWT_ISSUER: holds a line end or another control"));
}

TEST_CASE("load: unknown BULKHEAD_ names warn", "[config]") {
    const auto read = load(program::api, minimal({{"BULKHEAD_PORT", "1"},
                                                  {"BULKHEAD_REDIS_ULR", "x"},
                                                  {"BULKHEAD_WHATEVER", "x"},
                                                  {"BULKHEAD_URL", "http://x"}}));
    REQUIRE(read);
    REQUIRE(read->warnings.size() == 3);
    CHECK(any_has(read->warnings, "BULKHEAD_PORT: no such setting; did you mean PORT?"));
    CHECK(any_has(read->warnings, "BULKHEAD_REDIS_ULR: no such setting; did you mean REDIS_URL?"));
    CHECK(any_has(read->warnings, "BULKHEAD_WHATEVER: no such setting"));
}

TEST_CASE("load: DB_SSL_MODE and the sslmode of the URL agree", "[config]") {
    auto variables = minimal();
    variables["DATABASE_URL"] = "postgresql+asyncpg://app:pw@db.example/b?ssl=require";
    const auto read = load(program::api, variables);
    REQUIRE(read);
    CHECK(read->values.db_ssl_mode == "require");
    CHECK(read->values.database_url.reveal() == "postgresql://app:pw@db.example/b?sslmode=require");
    variables["DB_SSL_MODE"] = "disable";
    CHECK(any_has(problems(variables), "DB_SSL_MODE: \"disable\" contradicts"));
}

TEST_CASE("load: OPS_PORT differs from PORT", "[config]") {
    CHECK(any_has(problems(minimal({{"PORT", "9000"}})), "OPS_PORT: 9000 is PORT already"));
    CHECK(problems(minimal({{"PORT", "9000"}, {"OPS_PORT", "9002"}})).empty());
}

TEST_CASE("load: STORAGE_URL names a folder that can be used or made", "[config]") {
    const auto with = [](const std::string& url) { return minimal({{"STORAGE_URL", url}}); };
    const temporary_file file("x");
    CHECK(load(program::worker, minimal())->values.storage_folder == ".dev/storage");
    CHECK(load(program::api, with("file:///tmp/bulkhead/not/there"))->values.storage_folder ==
          "/tmp/bulkhead/not/there");
    CHECK(problems(with("file:///tmp/")).empty());
    CHECK(any_has(problems(with("file://" + file.path())),
                  "STORAGE_URL: \"" + file.path() + "\" is not a folder"));
    CHECK(any_has(problems(with("file://" + file.path() + "/below")), "is not a folder"));
    if (::geteuid() != 0)  // root may write anywhere
        CHECK(any_has(problems(with("file:///bulkhead/storage")),
                      "STORAGE_URL: nothing can be written to \"/\""));
    CHECK(any_has(problems(with("s3://bucket")), "STORAGE_URL: \"s3\" is not understood"));
    CHECK(any_has(problems(with("s3://bucket"), program::migrator), "\"s3\" is not understood"));
    CHECK(problems(with("file://" + file.path() + "/below"), program::migrator).empty());
}

TEST_CASE("check_config: exits 78 and lists the problems, or prints the report", "[config]") {
    std::ostringstream out, err;
    ::unsetenv("DATABASE_URL");
    CHECK(check_config(program::migrator, out, err) == 78);
    CHECK(out.str().empty());
    CHECK(err.str().starts_with("DATABASE_URL: required"));
    ::setenv("DATABASE_URL", "postgresql://localhost/b", 1);
    std::ostringstream good_err;
    CHECK(check_config(program::migrator, out, good_err) == 0);
    CHECK(out.str().find("DATABASE_URL") != std::string::npos);
    ::unsetenv("DATABASE_URL");
}
