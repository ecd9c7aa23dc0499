// SPDX-License-Identifier: Apache-2.0
#include "queue/tenant_access.hpp"

namespace bulkhead::queue {

postgres::database tenant_access::open(tenancy::registry& in, const tenancy::known_tenant& of,
                                       runtime::deadline limit) {
    return in.open(tenancy::tenant_passage(), of, limit);
}

awaitable<result<std::vector<uuid>>> tenant_access::active(tenancy::registry& in, uuid after, unsigned most,
                                                           runtime::deadline limit) {
    return ids(
        in.control(tenancy::control_passage(), limit),
        "select id from tenants where status = 'active' and id > $1::uuid order by id limit $2::bigint",
        after, most);
}

awaitable<result<std::vector<uuid>>> tenant_access::ended(tenancy::registry& in, uuid after, unsigned most,
                                                          runtime::deadline limit) {
    return ids(in.control(tenancy::control_passage(), limit),
               "select id from tenants where status in ('deleted', 'purging') and id > $1::uuid "
               "order by id limit $2::bigint",
               after, most);
}

awaitable<result<std::vector<uuid>>> tenant_access::ids(postgres::database control, postgres::statement which,
                                                        uuid after, unsigned most) {
    const auto rows = co_await control.read(which, after, static_cast<std::int64_t>(most));
    if (!rows) co_return std::unexpected(rows.error());
    std::vector<uuid> out;
    out.reserve(static_cast<std::size_t>(rows->size()));
    for (int i = 0; i < rows->size(); ++i) out.push_back((*rows)[i].get<uuid>(0));
    co_return out;
}

}  // namespace bulkhead::queue
