// SPDX-License-Identifier: Apache-2.0
// What a tenant may use. Stored as JSON in tenants.limits; what is not there is not limited. Plain values.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "schema/schema.hpp"

namespace bulkhead::tenancy {

using quota = schema::integer<0, 9'007'199'254'740'991>;  // what JSON numbers hold exactly (2^53 - 1)

struct tenant_limits {
    std::optional<quota> users;
    std::optional<quota> requests_per_minute;
    std::optional<quota> storage_bytes;
    std::optional<quota> jobs_in_flight;

    friend bool operator==(const tenant_limits&, const tenant_limits&) = default;
};
BOOST_DESCRIBE_STRUCT(tenant_limits, (), (users, requests_per_minute, storage_bytes, jobs_in_flight))

/// From the column. What a newer version wrote and this one does not understand limits nothing, and is
/// logged.
tenant_limits parse_limits(std::string_view json);

}  // namespace bulkhead::tenancy
