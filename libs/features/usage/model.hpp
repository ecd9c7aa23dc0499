// SPDX-License-Identifier: Apache-2.0
// What a tenant may use and what it uses, as its administrators see it. A limit that is null is none.
#pragma once

#include <boost/describe.hpp>
#include <optional>

#include "schema/schema.hpp"

namespace bulkhead::usage {

struct amount {
    std::int64_t used = 0;
    std::optional<std::int64_t> limit;
};
BOOST_DESCRIBE_STRUCT(amount, (), (used, limit))

struct rate {
    std::optional<std::int64_t> used;  // in the last minute; null: not counted, because there is no limit
    std::optional<std::int64_t> limit;
};
BOOST_DESCRIBE_STRUCT(rate, (), (used, limit))

struct storage {
    std::int64_t used = 0;
    std::optional<std::int64_t> limit;
    std::optional<utc_time> measured_at;  // null: not yet
};
BOOST_DESCRIBE_STRUCT(storage, (), (used, limit, measured_at))

struct report {
    amount users;
    rate requests_per_minute;
    storage storage_bytes;
    amount jobs_in_flight;
};
BOOST_DESCRIBE_STRUCT(report, (), (users, requests_per_minute, storage_bytes, jobs_in_flight))

constexpr std::string_view schema_name_of(std::type_identity<amount>) { return "usage_amount"; }
constexpr std::string_view schema_name_of(std::type_identity<rate>) { return "usage_rate"; }
constexpr std::string_view schema_name_of(std::type_identity<storage>) { return "usage_storage"; }
constexpr std::string_view schema_name_of(std::type_identity<report>) { return "usage"; }

}  // namespace bulkhead::usage
