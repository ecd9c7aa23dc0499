// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/statement_summary.hpp"

#include "base/testing/catch.hpp"

using bulkhead::postgres::summarise;

TEST_CASE("statement summary: operation and table", "[postgres]") {
    CHECK(summarise("select id, title from tasks where owner = $1").text() == "SELECT tasks");
    CHECK(summarise("  INSERT INTO tasks (id) VALUES ($1) RETURNING id").text() == "INSERT tasks");
    CHECK(summarise("update public.users set name = $1").text() == "UPDATE public.users");
    CHECK(summarise("delete from sessions").text() == "DELETE sessions");
    CHECK(summarise("select 1").text() == "SELECT");
    CHECK(summarise("begin").text() == "BEGIN");
    CHECK(summarise("").text().empty());
}

TEST_CASE("statement summary: the main statement counts, and no literal is repeated", "[postgres]") {
    CHECK(summarise("with old as (select x from a) update b set c = 1 from old").text() == "UPDATE b");
    CHECK(summarise("select (select count(*) from a), b from c").text() == "SELECT c");
    CHECK(summarise("select 'from secret' from t").text() == "SELECT t");
    CHECK(summarise("select * from (select 1) x").text() == "SELECT x");
    CHECK(summarise("select 'open").text() == "SELECT");
}
