// SPDX-License-Identifier: Apache-2.0
// What needs no server; the rest is in tests/integration.
#include "persistence/postgres/session.hpp"

#include <stdexcept>

#include "base/testing/catch.hpp"
#include "persistence/postgres/sqlstate.hpp"

namespace bulkhead::postgres {
namespace {

TEST_CASE("session: quotes identifiers and literals", "[persistence]") {
    CHECK(quote_identifier("tasks") == R"("tasks")");
    CHECK(quote_identifier(R"(a"; drop table x; --)") == R"("a""; drop table x; --")");
    CHECK(quote_literal("it's") == "'it''s'");
    CHECK(quote_literal("") == "''");
    CHECK(quote_literal(R"(a\'b)") == R"( E'a\\''b')");
    CHECK_THROWS_AS(quote_identifier(""), std::invalid_argument);
    CHECK_THROWS_AS(quote_identifier(std::string_view("a\0b", 3)), std::invalid_argument);
    CHECK_THROWS_AS(quote_identifier("a\xc3"), std::invalid_argument);
}

TEST_CASE("session: a refused login is told from a server that is away", "[persistence]") {
    CHECK(login_refused({.sqlstate = "28P01"}));        // wrong password
    CHECK(login_refused({.sqlstate = "28000"}));        // no such user, or pg_hba.conf
    CHECK(login_refused({.sqlstate = "3D000"}));        // no such database
    CHECK_FALSE(login_refused({.sqlstate = "57P03"}));  // still starting
    CHECK_FALSE(login_refused({.sqlstate = "53300"}));  // full
    CHECK_FALSE(login_refused({.message = "Connection refused"}));
}

TEST_CASE("session: the reason of a failure is for operators, on one line", "[persistence]") {
    CHECK(database_error{.message = "gone"}.to_string() == "gone");
    const database_error full{
        .sqlstate = "42P01", .message = "no table", .detail = "really", .hint = "make one"};
    CHECK(full.to_string() == "no table (SQLSTATE 42P01). really. make one");
}

TEST_CASE("session: a server that is away is unavailable, with the reason", "[persistence]") {
    const conninfo nobody{
        .host = "127.0.0.1", .port = "1", .user = "u", .dbname = "d", .password = secret("hunter2")};
    database_error why;
    const auto opened = session::open(nobody, std::chrono::seconds(5), {}, &why);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::unavailable);
    CHECK(opened.error().detail.empty());
    CHECK_FALSE(why.message.empty());
    CHECK(why.message.find("hunter2") == std::string::npos);
    CHECK(why.message.find('\n') == std::string::npos);
}

TEST_CASE("session: a bad setting is an error, not a hang", "[persistence]") {
    conninfo wrong{.host = "127.0.0.1", .port = "1", .dbname = "d"};
    wrong.sslmode = "sometimes";
    database_error why;
    REQUIRE_FALSE(session::open(wrong, std::chrono::seconds(5), {}, &why));
    CHECK(why.message.find("sometimes") != std::string::npos);
}

}  // namespace
}  // namespace bulkhead::postgres
