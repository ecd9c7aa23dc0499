// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/testing/catch.hpp"
#include "config/load.hpp"
#include "config/weak_secret.hpp"

using namespace bulkhead::config;
using namespace std::chrono_literals;

namespace {

environment_variables production(environment_variables more = {}) {
    more.emplace("ENVIRONMENT", "production");
    more.emplace("DATABASE_URL", "postgresql://app:pw@db.example/bulkhead");
    more.emplace("DB_SSL_MODE", "verify-full");
    more.emplace("REDIS_URL", "rediss://:pw@cache.example");
    more.emplace("JWT_SECRET", "7pX2vQ9sL4kR8wZ1nB6mT3yH5cJ0dFgE");
    more.emplace("DATA_KEY", "kqv2yTq0mN8w3rXzL5pB1cJ7hF9dS4gAeU6iO2nVbMk=");
    return more;
}

/// The names at the start of the problems, sorted.
std::vector<std::string> complaints(const environment_variables& variables) {
    std::vector<std::string> out;
    if (const auto read = load(program::api, variables); !read)
        for (const auto& line : read.error()) out.push_back(line.substr(0, line.find(':')));
    std::ranges::sort(out);
    return out;
}

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("production: a sound configuration is accepted, with stricter defaults", "[config]") {
    const auto read = load(program::api, production());
    REQUIRE(read);
    CHECK(!read->values.enable_swagger);
    CHECK(read->values.cors_origins.empty());
    CHECK(read->values.shutdown_drain_delay == 5s);
    CHECK(read->values.data_key.size() == 32);
}

TEST_CASE("production: refuses what is unsafe, all at once", "[config]") {
    CHECK(complaints(production({{"DEBUG", "true"},
                                 {"CORS_ORIGINS", "*"},
                                 {"BULKHEAD_FAIL_POINT", "create.owner.after"},
                                 {"PASSWORD_HASH", "bcrypt:9"},
                                 {"DB_SSL_MODE", "prefer"},
                                 {"REDIS_URL", "redis://cache.example"},
                                 {"PASSWORD_PEPPER", "short"},
                                 {"PLATFORM_ADMIN_TOKEN", std::string(40, 'x')},
                                 {"JWT_SECRET", "your-secret-key-change-in-production"}})) ==
          names{"BULKHEAD_FAIL_POINT", "CORS_ORIGINS", "DB_SSL_MODE", "DEBUG", "JWT_SECRET", "PASSWORD_HASH",
                "PASSWORD_PEPPER", "PLATFORM_ADMIN_TOKEN", "REDIS_URL"});
    CHECK(complaints(production({{"PASSWORD_HASH", "bcrypt:10"}, {"DEBUG", "false"}})).empty());
    const auto near = std::pair("DATABASE_URL", "postgresql://u:p@localhost/b"),
               plain = std::pair("DB_SSL_MODE", "prefer");
    CHECK(complaints(production({near, plain, {"DB_PGBOUNCER", "localhost:6432"}})).empty());
    CHECK(complaints(production({near, plain, {"DB_PGBOUNCER", "pooler.example:6432"}})) ==
          names{"DB_SSL_MODE"});
}

TEST_CASE("production: keys for reports are not sent in the clear", "[config]") {
    const auto dsn = [](const char* url) { return complaints(production({{"SENTRY_DSN", url}})); };
    CHECK(dsn("https://key@sentry.example/1").empty());
    CHECK(dsn("http://key@127.0.0.1:9000/1").empty());
    CHECK(dsn("http://key@sentry.example/1") == names{"SENTRY_DSN"});
    const auto collector = std::pair("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    CHECK(complaints(production({collector})).empty());
    CHECK(complaints(production({collector, {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=x"}})) ==
          names{"OTEL_EXPORTER_OTLP_ENDPOINT"});
}

TEST_CASE("production: proxies are named", "[config]") {
    for (const auto* const everybody : {"0.0.0.0/0", "10.0.0.0/8, ::/0"})
        CHECK(complaints(production({{"TRUSTED_PROXIES", everybody}})) == names{"TRUSTED_PROXIES"});
    CHECK(complaints(production({{"TRUSTED_PROXIES", "10.0.0.0/8, ::1"}})).empty());
}

TEST_CASE("production: DATA_KEY", "[config]") {
    CHECK(complaints(production({{"DATA_KEY", ""}})) == names{"DATA_KEY"});
    CHECK(complaints(production({{"DATA_KEY", "c2hvcnQ="}})) == names{"DATA_KEY"});  // reported once
    CHECK(complaints(production({{"DATA_KEY", std::string(43, 'A') + "="}})) == names{"DATA_KEY"});
    CHECK(complaints({{"ENVIRONMENT", "development"},
                      {"DATABASE_URL", "postgresql://db/b"},
                      {"REDIS_URL", "redis://r"},
                      {"JWT_SECRET", std::string(32, 'x')}})
              .empty());
}

TEST_CASE("production: loopback and sockets need neither TLS nor a password", "[config]") {
    for (const auto* const url :
         {"postgresql://localhost/b", "postgres://127.0.0.1:5432/b", "postgresql://[::1]/b",
          "postgresql:///b", "postgresql://%2Frun%2Fpostgresql/b", "postgresql:///b?host=/run/postgresql"})
        CHECK(complaints(production({{"DATABASE_URL", url}, {"DB_SSL_MODE", "disable"}})).empty());
    for (const auto* const url :
         {"postgresql://db/b", "postgresql://localhost,db/b", "postgresql://127.0.0.1.example/b",
          "postgresql:///b?host=db", "postgresql://localhost/b?hostaddr=10.0.0.1",
          "postgresql:///b?service=x", "postgresql://localhost.example/b", "postgresql://0127.0.0.1/b"})
        CHECK(complaints(production({{"DATABASE_URL", url}, {"DB_SSL_MODE", "prefer"}})) ==
              names{"DB_SSL_MODE"});
    for (const auto* const url :
         {"redis://localhost", "redis://127.1.2.3", "redis://[::1]", "unix:///run/redis.sock",
          "redis+sentinel://localhost,127.0.0.1:1/main", "redis+cluster://:pw@cache.example"})
        CHECK(complaints(production({{"REDIS_URL", url}})).empty());
    for (const auto* const url : {"redis+sentinel://localhost,s.example/main", "redis+cluster://n.example"})
        CHECK(complaints(production({{"REDIS_URL", url}})) == names{"REDIS_URL"});
}

TEST_CASE("production: TLS may stand in the URL", "[config]") {
    auto variables = production({{"DATABASE_URL", "postgresql://db/b?sslmode=verify-ca"}});
    variables.erase("DB_SSL_MODE");
    CHECK(complaints(variables).empty());
    variables["DATABASE_URL"] = "postgresql://db/b?sslmode=allow";
    CHECK(complaints(variables) == names{"DB_SSL_MODE"});
}

TEST_CASE("JWT_SECRET: 32 bytes are the least everywhere", "[config]") {
    for (const auto* const env : {"development", "test", "staging", "production"}) {
        auto variables = production();
        variables["ENVIRONMENT"] = env;
        variables["JWT_SECRET"] = "only-31-bytes-Xy7pQ2mN9kL4wR8zB";
        CHECK(complaints(variables) == names{"JWT_SECRET"});
    }
}

TEST_CASE("weakness: knows examples, sequences and repetition", "[config]") {
    for (const auto* const weak :
         {"changeme-changeme-changeme-changeme", "your-secret-key-change-this-in-production!", "secret",
          "PASSWORD", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabcabcabcabcabcabcab",
          "super-secret-jwt-token-with-at-least-32", "django-insecure-8f7d6s5a4f3d2s1a0",
          "0123456789abcdef0123456789ABCDEF", "abcdefghijklmnopqrstuvwxyz012345",
          "ababbaabbaababbabaabbaababbaabba"})
        CHECK(!weakness(weak).empty());
    for (const auto* const strong : {"7pX2vQ9sL4kR8wZ1nB6mT3yH5cJ0dFgE",
                                     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                                     "correct horse battery staple and a few words more",
                                     "kqv2yTq0mN8w3rXzL5pB1cJ7hF9dS4gAeU6iO2nVbMk="})
        CHECK(weakness(strong).empty());
}
