// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/failure_words.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::postgres {
namespace {

TEST_CASE("failures: rows and keys stay out of what is told", "[persistence]") {
    for (const auto* const state : {"23502", "23505", "23514", "23503", "23P01", "44000"}) {
        const auto told = without_data(state, {.message = R"(violates check constraint "jobs_kind_check")",
                                               .detail = "Failing row contains (ada@example.org).",
                                               .hint = "h"});
        CHECK(told.message == R"(violates check constraint "jobs_kind_check")");
        CHECK(told.detail.empty());
        CHECK(told.hint == "h");
    }
}

TEST_CASE("failures: values that a message quotes are masked", "[persistence]") {
    const auto told = [](const char* message) {
        return without_data("22P02", {.message = message, .detail = R"(Token "ada" is invalid.)"});
    };
    CHECK(told(R"(invalid input syntax for type integer: "a"d"a")").message ==
          R"(invalid input syntax for type integer: "***")");
    CHECK(told(R"(value "99" is out of range)").message == R"(value "***" is out of range)");
    CHECK(told("division by zero").message == "division by zero");
    CHECK(told(R"(one " alone)").message == R"(one " alone)");
    CHECK(told("").detail.empty());
}

TEST_CASE("failures: what helps an operator and holds no data is told", "[persistence]") {
    const auto told = without_data("55006", {.message = R"(database "a" is being accessed by other users)",
                                             .detail = "There is 1 other session using the database."});
    CHECK(told.message == R"(database "a" is being accessed by other users)");
    CHECK(told.detail == "There is 1 other session using the database.");
}

TEST_CASE("failures: of a program's messages, too", "[persistence]") {
    CHECK(without_data("pg_restore: error: COPY failed for table \"users\": ERROR:  duplicate key\n"
                       "DETAIL:  Key (email)=(ada@example.org) already exists.\n"
                       "CONTEXT:  COPY users, line 3\nCommand was: COPY") ==
          "pg_restore: error: COPY failed for table \"users\": ERROR:  duplicate key\nCommand was: COPY");
    CHECK(without_data("").empty());
}

}  // namespace
}  // namespace bulkhead::postgres
