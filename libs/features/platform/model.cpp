// SPDX-License-Identifier: Apache-2.0
#include "features/platform/model.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace bulkhead::platform {
namespace {

/// What a patch leaves out stays.
void apply(const schema::patch<tenancy::quota>& by, std::optional<tenancy::quota>& to) {
    if (by.given()) to = by.value();
}

}  // namespace

tenant to_tenant(const tenancy::tenant& known) {
    return {.id = known.id,
            .slug = known.slug,
            .name = known.name,
            .status = schema::enum_from<tenant_state>(status_name(known.status)).value(),
            .server = known.server.name,
            .database = known.database,
            .schema_version = known.schema_version,
            .limits = known.limits,
            .created_at = parse_rfc3339(known.created_at).value(),
            .purge_after = parse_rfc3339(known.purge_after)};
}

std::string etag_of(const tenant& one) {
    constexpr std::size_t enough = 22;  // 132 bits
    return "\"" + to_base64url(sha256(schema::to_json(one)).view()).substr(0, enough) + "\"";
}

tenancy::tenant_limits patched(tenancy::tenant_limits now, const schema::patch<limits_patch>& by) {
    if (!by.given()) return now;
    if (by.is_null()) return {};
    apply(by.value()->users, now.users);
    apply(by.value()->requests_per_minute, now.requests_per_minute);
    apply(by.value()->storage_bytes, now.storage_bytes);
    apply(by.value()->jobs_in_flight, now.jobs_in_flight);
    return now;
}

}  // namespace bulkhead::platform
