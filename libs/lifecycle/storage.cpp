// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/storage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <optional>
#include <vector>

#include "lifecycle/locks.hpp"

namespace bulkhead::lifecycle {
namespace {

/// Nothing in it needs quoting: ids, numbers, and the names that we gave to databases.
template <class Range>
std::string array_literal(const Range& items) {
    return fmt::format("{{{}}}", fmt::join(items, ","));
}

struct measurements {
    std::vector<std::string> ids;
    std::vector<std::int64_t> bytes;
};

/// `ids` by the names of their databases. One that is missing, or on its way, keeps what it had: -1.
result<measurements> measure(postgres::session& server, const std::map<std::string, std::string>& ids) {
    std::vector<std::string> names;
    for (const auto& [name, id] : ids) names.push_back(name);
    const auto sizes = run(server,
                           "select datname, pg_database_size(oid) from pg_database "
                           "where datname = any ($1::text[]) and datallowconn",
                           {array_literal(names)});
    if (!sizes) return std::unexpected(sizes.error());
    std::map<std::string, std::int64_t, std::less<>> found;
    for (std::size_t row = 0; row < sizes->size(); ++row)
        found.emplace(sizes->text(row, 0), sizes->is_null(row, 1) ? -1 : sizes->integer(row, 1));
    measurements out;
    for (const auto& [name, id] : ids) {
        const auto size = found.find(name);
        out.ids.push_back(id);
        out.bytes.push_back(size == found.end() ? -1 : size->second);
    }
    return out;
}

/// Names no column that the trigger of `tenants` watches.
result<std::size_t> save(const site& at, const measurements& all) {
    const auto saved = run(at.control(),
                           "update tenants t set measured_at = now(), "
                           "storage_bytes = case when m.bytes < 0 then t.storage_bytes else m.bytes end "
                           "from unnest($1::uuid[], $2::bigint[]) m(id, bytes) where t.id = m.id",
                           {array_literal(all.ids), array_literal(all.bytes)});
    if (!saved) return std::unexpected(saved.error());
    return saved->affected();
}

result<std::size_t> measure_server(site& at, std::string_view name, std::size_t most,
                                   std::chrono::seconds age) {
    const auto due =
        run(at.control(),
            "select t.database, t.id from tenants t join servers s on s.id = t.server_id "
            "where s.name = $1 and t.status in ('active', 'suspended') and "
            "(t.measured_at is null or t.measured_at < now() - $2::bigint * interval '1 second') "
            "order by t.measured_at nulls first limit $3::bigint",
            {name, static_cast<std::int64_t>(age.count()), static_cast<std::int64_t>(most)});
    if (!due) return std::unexpected(due.error());
    if (due->empty()) return 0;
    std::map<std::string, std::string> ids;
    for (std::size_t row = 0; row < due->size(); ++row) ids.emplace(due->text(row, 0), due->text(row, 1));
    const auto server = at.server(name);
    if (!server) return std::unexpected(server.error());
    const auto measured = measure(**server, ids);
    if (!measured) return std::unexpected(measured.error());
    return save(at, *measured);
}

}  // namespace

result<std::size_t> measure_storage(site& at, std::size_t most, std::chrono::seconds age) {
    const auto lock = lock_by_name(at, "storage", {});
    if (!lock && lock.error().code == errc::conflict) return 0;
    if (!lock) return std::unexpected(lock.error());
    const auto servers = run(at.control(), "select name from servers order by id");
    if (!servers) return std::unexpected(servers.error());
    std::size_t measured = 0;
    std::optional<error> failure;
    for (std::size_t row = 0; row < servers->size(); ++row) {
        const auto done = measure_server(at, servers->text(row, 0), most, age);
        if (done) measured += *done;
        if (!done) failure = done.error();
    }
    if (failure) return std::unexpected(*std::move(failure));
    return measured;
}

}  // namespace bulkhead::lifecycle
