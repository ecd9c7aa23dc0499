// SPDX-License-Identifier: Apache-2.0
#include "tenancy/limits.hpp"

#include "observability/log.hpp"

namespace bulkhead::tenancy {

tenant_limits parse_limits(std::string_view json) {
    if (json.empty() || json == "{}") return {};
    auto read = schema::parse<tenant_limits>(json);
    if (read) return *std::move(read);
    log::warn("a tenant's limits cannot be read and are not applied", {{"limits", json}});
    return {};
}

}  // namespace bulkhead::tenancy
