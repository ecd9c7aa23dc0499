// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/sqlstate.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::postgres {
namespace {

TEST_CASE("sqlstate: maps each class to an error and a retry policy", "[persistence]") {
    struct expectation {
        std::string_view sqlstate;
        errc code;
        retry_policy retry;
        bool drop;
    };
    using enum retry_policy;
    const expectation table[] = {
        {"", errc::unavailable, retry_if_idempotent, true},
        {"08006", errc::unavailable, retry_if_idempotent, true},
        {"08P01", errc::unavailable, retry_if_idempotent, true},
        {"22001", errc::internal, none, false},
        {"23505", errc::conflict, none, false},
        {"23502", errc::internal, none, false},
        {"25006", errc::unavailable, none, true},
        {"25P02", errc::internal, none, true},
        {"28P01", errc::unavailable, none, true},
        {"28000", errc::unavailable, none, true},
        {"3D000", errc::unavailable, none, true},
        {"40001", errc::unavailable, retry_transaction, false},
        {"40P01", errc::unavailable, retry_transaction, false},
        {"40002", errc::internal, none, false},
        {"42P01", errc::internal, none, false},
        {"42P05", errc::unavailable, retry_transaction, true},
        {"53300", errc::unavailable, none, true},
        {"53100", errc::unavailable, none, false},
        {"55P03", errc::unavailable, none, false},
        {"57014", errc::deadline_exceeded, none, false},
        {"57P01", errc::unavailable, retry_if_idempotent, true},
        {"57P03", errc::unavailable, none, true},
        {"JF001", errc::precondition_failed, none, false},
        {"XX001", errc::internal, none, true},
        {"P0001", errc::internal, none, false},
        {"5", errc::internal, none, false},
        {"nonsense", errc::internal, none, false},
    };
    for (const auto& row : table) {
        INFO(row.sqlstate);
        const auto& found = classify(row.sqlstate);
        CHECK(found.code == row.code);
        CHECK(found.retry == row.retry);
        CHECK(found.drop_connection == row.drop);
        CHECK_FALSE(found.name.empty());
    }
}

TEST_CASE("sqlstate: errors carry no words of the server", "[persistence]") {
    const auto away = to_error("53300");
    CHECK(away.code == errc::unavailable);
    CHECK(away.detail.empty());
    CHECK(away.retry_after == std::chrono::seconds(1));
    CHECK(to_error("23505").retry_after == std::chrono::seconds(0));
}

}  // namespace
}  // namespace bulkhead::postgres
