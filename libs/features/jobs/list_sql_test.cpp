// SPDX-License-Identifier: Apache-2.0
#include "features/jobs/list_sql.hpp"

#include "base/testing/catch.hpp"
#include "schema/page.hpp"

namespace bulkhead::jobs {
namespace {

list_query query_of(schema::query_parameters parameters) {
    auto query = schema::from_query<list_query>(parameters);
    REQUIRE(query.has_value());
    return *query;
}

job sample() {
    job out;
    out.id = uuid::generate();
    out.kind = "mail.send";
    out.created_at = utc_time{std::chrono::microseconds{1'700'000'000'123'456}};
    return out;
}

TEST_CASE("job list: one text per shape, values in its order", "[jobs]") {
    const auto user = uuid::generate();
    const auto all = list_jobs(std::nullopt, query_of({}));
    CHECK(all->sql.ends_with("from jobs where true order by created_at desc, id desc limit $1"));
    CHECK(all->values.count() == 1);
    const auto own = list_jobs(user, query_of({}));
    CHECK(own->sql.ends_with("where true and user_id = $2 order by created_at desc, id desc limit $1"));
    auto query = query_of({{"state", "scheduled"}, {"kind", "mail.send"}});
    query.cursor.emplace(cursor_behind(query, sample()));
    const auto full = list_jobs(user, query);
    CHECK(
        full->sql.ends_with("user_id = $2 and (created_at, id) < ($3, $4) and kind = $5 and state = 0 and "
                            "run_at > now() order by created_at desc, id desc limit $1"));
    CHECK(full->values.count() == 5);
    CHECK(&full->sql == &list_jobs(user, query)->sql);
    for (auto state : {"pending", "scheduled", "running", "succeeded", "failed", "cancelled"})
        CHECK(&list_jobs(user, query_of({{"state", state}}))->sql != &own->sql);
}

TEST_CASE("job list: edited cursors and those of another list are refused", "[jobs]") {
    const auto query = query_of({{"kind", "mail.send"}});
    const auto cursor = cursor_behind(query, sample());
    auto good = query;
    good.cursor.emplace(cursor);
    CHECK(list_jobs(std::nullopt, good));
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        auto edited = cursor;
        edited[i] = edited[i] == 'A' ? 'B' : 'A';
        auto tampered = query;
        tampered.cursor.emplace(edited);
        CHECK_FALSE(list_jobs(std::nullopt, tampered));
    }
    for (const auto& other : {query_of({}), query_of({{"kind", "mail.sent"}}),
                              query_of({{"kind", "mail.send"}, {"state", "failed"}})}) {
        auto elsewhere = other;
        elsewhere.cursor.emplace(cursor);
        CHECK(list_jobs(std::nullopt, elsewhere).error().fields.at(0).pointer == "/query/cursor");
    }
}

TEST_CASE("job list: a cursor that somebody has computed is read like any input", "[jobs]") {
    const auto tried = [](std::string value) {
        auto query = query_of({});
        query.cursor.emplace(schema::make_cursor(
            std::string_view("-\0-", 3), schema::row_key{.value = std::move(value), .id = uuid::generate()}));
        return list_jobs(std::nullopt, query);
    };
    CHECK(tried("1700000000123456"));
    for (const auto* const wrong : {"", "x", "1x", "9223372036854775807", "-9223372036854775808", "\xff"})
        CHECK(tried(wrong).error().fields.at(0).pointer == "/query/cursor");
}

TEST_CASE("job: its tag changes with what is shown", "[jobs]") {
    auto one = sample();
    const auto before = etag_of(one);
    CHECK(before.size() > 10);
    CHECK(before.front() == '"');
    CHECK(before.back() == '"');
    CHECK(etag_of(one) == before);
    one.note = "half of it";
    CHECK(etag_of(one) != before);
}

}  // namespace
}  // namespace bulkhead::jobs
