// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/list_sql.hpp"

#include <array>
#include <string_view>

#include "base/testing/catch.hpp"
#include "schema/page.hpp"

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

constexpr std::array sorts{"created_at", "-created_at", "due_at", "-due_at",
                           "priority",   "-priority",   "title"};

bool refused(list_query query, const std::string& cursor) {
    query.cursor.emplace(cursor);
    const auto made = list_tasks_of(uuid::generate(), query);
    return !made && made.error().fields.at(0).pointer == "/query/cursor";
}

}  // namespace

TEST_CASE("list cursor: leads on in every order, with or without a due date", "[tasks]") {
    auto last = sample();
    for (const auto due : {std::optional<utc_time>{}, std::optional(last.created_at)}) {
        last.due_at = due;
        for (auto sort : sorts) {
            auto query = query_of({{"sort", sort}});
            query.cursor.emplace(cursor_behind(query, last));
            INFO(sort);
            CHECK(list_tasks_of(last.id, query));
        }
    }
}

TEST_CASE("list cursor: edited ones and those of another list are refused", "[tasks]") {
    const auto query = query_of({{"completed", "true"}});
    const auto cursor = cursor_behind(query, sample());
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        auto edited = cursor;
        edited[i] = edited[i] == 'A' ? 'B' : 'A';
        CHECK(refused(query, edited));
    }
    for (const auto& other :
         {query_of({}), query_of({{"completed", "false"}}), query_of({{"completed", "true"}, {"q", "x"}}),
          query_of({{"completed", "true"}, {"sort", "title"}})})
        CHECK(refused(other, cursor));
}

TEST_CASE("list cursor: what somebody has computed is read like any input", "[tasks]") {
    using namespace std::string_literals;
    const auto forged = [](std::string_view sort, std::string value) {
        return schema::make_cursor(std::string(sort) + "-\0-\0-\0-\0"s,
                                   schema::row_key{.value = std::move(value), .id = uuid::generate()});
    };
    for (const auto* const sort : sorts) {
        INFO(sort);
        const auto query = query_of({{"sort", sort}});
        CHECK_FALSE(refused(query, forged(sort, std::string_view(sort) == "title" ? "x" : "1")));
        CHECK(refused(query, forged(sort, "\xff")));
        CHECK(refused(query, forged(sort, "a\0b"s)));
        if (std::string_view(sort) == "title") continue;
        CHECK(refused(query, forged(sort, "1x")));
        CHECK(refused(query, forged(sort, "99999999999999999999")));
        if (!std::string_view(sort).ends_with("priority"))
            CHECK(refused(query, forged(sort, "-9223372036854775808")));
    }
}

TEST_CASE("list statement: one text per shape, values in its order", "[tasks]") {
    const auto user = uuid::generate();
    const auto plain = list_tasks_of(user, query_of({}));
    REQUIRE(plain->sql.ends_with("where user_id = $1 order by created_at desc, id desc limit $2"));
    REQUIRE(plain->values.count() == 2);
    auto query = query_of({{"sort", "due_at"}, {"completed", "false"}, {"priority", "high"}, {"q", "50%"}});
    query.cursor.emplace(cursor_behind(query, sample()));  // a row without a due date
    const auto full = list_tasks_of(user, query);
    REQUIRE(full->sql.find("(coalesce(due_at, 'infinity'), id) > (timestamptz 'infinity', $3)") !=
            std::string::npos);
    REQUIRE(full->sql.find("$6") != std::string::npos);
    REQUIRE(full->values.count() == 6);
    REQUIRE(&full->sql == &list_tasks_of(user, query)->sql);
}
