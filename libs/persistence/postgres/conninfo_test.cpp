// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/conninfo.hpp"

#include <optional>

#include "base/testing/catch.hpp"

namespace bulkhead::postgres {
namespace {

std::optional<std::string> value_of(const connection_parameters& parameters, std::string_view keyword) {
    std::optional<std::string> found;
    for (std::size_t i = 0; parameters.keywords()[i]; ++i)
        if (parameters.keywords()[i] == keyword) found = parameters.values()[i];
    return found;
}

TEST_CASE("conninfo: reads the spellings other stacks use", "[persistence]") {
    for (const std::string prefix : {"postgresql://", "postgres://", "postgresql+asyncpg://"}) {
        const auto parsed = parse_database_url(prefix + "app:p%40ss%2Fw@db.internal:6432/bulkhead");
        REQUIRE(parsed);
        CHECK(parsed->host == "db.internal");
        CHECK(parsed->port == "6432");
        CHECK(parsed->user == "app");
        CHECK(parsed->dbname == "bulkhead");
        CHECK(parsed->password.reveal() == "p@ss/w");
        CHECK(parsed->describe() == "app@db.internal:6432/bulkhead");
    }
}

TEST_CASE("conninfo: keeps query parameters and sockets", "[persistence]") {
    const auto tls = parse_database_url(
        "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem&target_session_attrs=any");
    REQUIRE(tls);
    CHECK(tls->sslmode == "verify-full");
    CHECK(tls->extra.size() == 2);

    const auto asyncpg = parse_database_url("postgresql+asyncpg://u@h/d?application_name=x&ssl=require");
    REQUIRE(asyncpg);
    CHECK(asyncpg->sslmode == "require");

    const auto socket = parse_database_url("postgresql:///d?host=/run/postgresql&port=5433");
    REQUIRE(socket);
    CHECK(socket->host == "/run/postgresql");
    CHECK(socket->port == "5433");

    const auto several = parse_database_url("postgresql://u@a:1,b:2/d");
    REQUIRE(several);
    CHECK(several->host == "a,b");
    CHECK(several->port == "1,2");

    const auto v6 = parse_database_url("postgresql://u@[::1]:5432/d");
    REQUIRE(v6);
    CHECK(v6->host == "::1");
}

TEST_CASE("conninfo: refuses what is not a database URL, without repeating it", "[persistence]") {
    for (const std::string_view url :
         {"", "host=localhost dbname=x password=hunter2", "mysql://u:hunter2@h/d",
          "POSTGRESQL://u:hunter2@h/d", "postgresql://u:hunter2%zz@h/d",
          "postgresql://u:hunter2@h/d?nonsense=1", "postgresql://u:hunter2@h", "postgresql://u:hunter2@h/",
          "postgresql://u:hunter2@h:0/d", "postgresql://u:hunter2@h:65536/d",
          "postgresql://u:hunter2@h:12x/d", "postgresql://u:hunter2@h:999999999999/d",
          "postgresql://u:hunter2@[::1/d", "postgresql://u:hunter2@h/d\n", "postgresql://u:hunter2@h/d e",
          "postgresql+psycopg2://u:hunter2@h/d"}) {
        const auto parsed = parse_database_url(url);
        INFO(url);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == errc::validation_failed);
        CHECK(parsed.error().detail.find("hunter2") == std::string::npos);
    }
    CHECK_FALSE(parse_database_url(std::string_view("postgresql://u@h/d\0x", 20)));
    CHECK_FALSE(parse_database_url("postgresql://u@h/" + std::string(5000, 'd')));
}

TEST_CASE("conninfo: parameters carry time-outs, the session defaults and the password", "[persistence]") {
    const auto parsed =
        parse_database_url("postgresql://u:pw@h/d?options=-c%20geqo%3Doff&keepalives_idle=60");
    REQUIRE(parsed);
    const connection_parameters parameters(
        *parsed, {.application_name = "api", .statement_timeout = std::chrono::seconds(5)});
    CHECK(value_of(parameters, "connect_timeout") == "3");
    CHECK(value_of(parameters, "tcp_user_timeout") == "10000");
    CHECK(value_of(parameters, "keepalives_idle") == "60");
    CHECK(value_of(parameters, "keepalives_interval") == "5");
    CHECK(value_of(parameters, "keepalives_count") == "3");
    CHECK(value_of(parameters, "application_name") == "api");
    CHECK(value_of(parameters, "client_encoding") == "UTF8");
    CHECK(value_of(parameters, "options") == "-c statement_timeout=5000 -c geqo=off");
    CHECK(value_of(parameters, "password") == "pw");
    CHECK_FALSE(value_of(parameters, "sslmode"));
}

TEST_CASE("conninfo: another database or role on the same server", "[persistence]") {
    const auto control = parse_database_url("postgresql://admin:root@h:6000/control?sslmode=require");
    REQUIRE(control);
    const auto tenant = control->with_login("bulkhead_t_1", "bulkhead_t_1", secret("other"));
    CHECK(tenant.host == "h");
    CHECK(tenant.port == "6000");
    CHECK(tenant.sslmode == "require");
    CHECK(tenant.dbname == "bulkhead_t_1");
    CHECK(tenant.user == "bulkhead_t_1");
    CHECK(tenant.password.reveal() == "other");

    // A name that looks like a connection string stays a name.
    const auto odd = control->with_database("host=evil dbname=x");
    CHECK(value_of(connection_parameters(odd, {}), "dbname") == "host=evil dbname=x");
    CHECK(control->dbname == "control");
    CHECK(odd.password.reveal() == "root");
}

}  // namespace
}  // namespace bulkhead::postgres
