// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/cursor.hpp"

#include "base/testing/catch.hpp"
#include "features/tasks/list_sql.hpp"

using namespace bulkhead;
using namespace bulkhead::tasks;

namespace {

list_query query_of(schema::query_parameters parameters) {
    auto query = schema::from_query<list_query>(parameters);
    REQUIRE(query.has_value());
    return *query;
}

task sample() {
    task t;
    t.id = uuid::generate();
    t.title =
        "Gr\xc3\xbc\xc3\x9f"
        "e";
    t.created_at = utc_time{std::chrono::microseconds{1'700'000'000'123'456}};
    return t;
}

}  // namespace

TEST_CASE("cursor: carries value and id of the last row", "[tasks]") {
    const auto last = sample();
    for (auto sort : {"created_at", "-created_at", "due_at", "-due_at", "priority", "-priority", "title"}) {
        auto query = query_of({{"sort", sort}});
        query.cursor.emplace(make_cursor(query, last));
        const auto at = read_cursor(query);
        REQUIRE(at.has_value());
        REQUIRE(at->id == last.id);
    }
    auto by_title = query_of({{"sort", "title"}});
    by_title.cursor.emplace(make_cursor(by_title, last));
    REQUIRE(read_cursor(by_title)->value == last.title);
}

TEST_CASE("cursor: edited ones and those of another list are refused", "[tasks]") {
    const auto query = query_of({{"completed", "true"}});
    const auto cursor = make_cursor(query, sample());
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        auto edited = cursor;
        edited[i] = edited[i] == 'A' ? 'B' : 'A';
        auto tampered = query;
        tampered.cursor.emplace(edited);
        REQUIRE_FALSE(read_cursor(tampered).has_value());
    }
    for (const auto& other :
         {query_of({}), query_of({{"completed", "false"}}), query_of({{"completed", "true"}, {"q", "x"}}),
          query_of({{"completed", "true"}, {"sort", "title"}})}) {
        auto elsewhere = other;
        elsewhere.cursor.emplace(cursor);
        REQUIRE(read_cursor(elsewhere).error().fields.at(0).pointer == "/query/cursor");
    }
}

TEST_CASE("list statement: one text per shape, values in its order", "[tasks]") {
    const auto user = uuid::generate();
    const auto plain = list_tasks_of(user, query_of({}));
    REQUIRE(plain->sql.ends_with("where user_id = $1 order by created_at desc, id desc limit $2"));
    REQUIRE(plain->values.count() == 2);
    auto query = query_of({{"sort", "due_at"}, {"completed", "false"}, {"priority", "high"}, {"q", "50%"}});
    query.cursor.emplace(make_cursor(query, sample()));  // a row without a due date
    const auto full = list_tasks_of(user, query);
    REQUIRE(full->sql.find("(coalesce(due_at, 'infinity'), id) > (timestamptz 'infinity', $3)") !=
            std::string::npos);
    REQUIRE(full->sql.find("$6") != std::string::npos);
    REQUIRE(full->values.count() == 6);
    REQUIRE(&full->sql == &list_tasks_of(user, query)->sql);
}
