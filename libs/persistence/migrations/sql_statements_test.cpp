// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/sql_statements.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::migrations {
namespace {

TEST_CASE("sql statements: splits where PostgreSQL would", "[persistence]") {
    struct expectation {
        std::string_view sql;
        std::size_t statements;
    };
    const expectation table[] = {
        {"", 0},
        {"  -- only a comment", 0},
        {";;;", 0},
        {"select 1", 1},
        {"select 1;", 1},
        {"select 1; select 2;", 2},
        {"select ';'; select 'it''s;'", 2},
        {R"(select E'\';'; select 1)", 2},
        {R"(select e'\\'; select 1)", 2},
        {R"(select '\'; select 1)", 2},
        {R"(create table "a;b" (x int); select 1)", 2},
        {"select 1 /* ; /* nested ; */ ; */; select 2", 2},
        {"select 1 -- ; '\n; select 2", 2},
        {"do $$ begin commit; end $$; select 1", 2},
        {"do $a$ select $b$ ; $b$; $a$; select $1; select 1", 3},
        {"create function f() returns int begin atomic select 1; select case when true then 2 end; end; "
         "select 1",
         2},
        {"create rule r as on insert to t do also (insert into a values (1); insert into b values (2)); "
         "select 1",
         2},
        {"select a$b$c; select 1", 2},
        {"select 1e5; select 2", 2},
        {"copy t from '/tmp/x'; select 1", 2},
    };
    for (const auto& row : table) {
        INFO(row.sql);
        const auto script = split_sql(row.sql);
        CHECK(script.problem == "");
        CHECK(script.statements.size() == row.statements);
    }
}

TEST_CASE("sql statements: knows the text, line and leading words", "[persistence]") {
    const auto script = split_sql("-- why\n\ncreate  unique /* x */ index i on t (a) ;\nselect 1 ; ");
    REQUIRE(script.statements.size() == 2);
    CHECK(script.statements[0].text == "create  unique /* x */ index i on t (a)");
    CHECK(script.statements[0].line == 3);
    CHECK(script.statements[0].words == "CREATE UNIQUE INDEX");
    CHECK(script.statements[1].text == "select 1");
    CHECK(script.statements[1].line == 4);
}

TEST_CASE("sql statements: refuses what breaks atomicity or cannot run", "[persistence]") {
    struct expectation {
        std::string_view sql;
        std::string_view problem;
    };
    const expectation table[] = {
        {"select 1;\ncommit;", "line 2: COMMIT"},
        {"begin; select 1; end", "line 1: BEGIN"},
        {"Start transaction", "START"},
        {"rollback", "ROLLBACK"},
        {"/* x */ abort", "ABORT"},
        {"savepoint a", "SAVEPOINT"},
        {"prepare transaction 'x'", "PREPARE"},
        {"select 'open", "a quote"},
        {"select \"open", "a quote"},
        {R"(select E'\')", "a quote"},
        {"select $x$ open $y$", "a dollar quote"},
        {"select 1 /* open", "a comment"},
        {"create table t (a int;", "parenthesis"},
        {"\\i other.sql", "backslash"},
        {"copy t from stdin;", "COPY"},
        {std::string_view("select\0 1", 9), "NUL"},
    };
    for (const auto& row : table) {
        INFO(row.sql);
        const auto script = split_sql(row.sql);
        CHECK(script.problem.starts_with("line "));
        CHECK(script.problem.find(row.problem) != std::string::npos);
    }
    CHECK(split_sql("prepare p as select 1").problem == "");
    CHECK(split_sql("create table committee (a int)").problem == "");
}

}  // namespace
}  // namespace bulkhead::migrations
