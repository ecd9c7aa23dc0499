// SPDX-License-Identifier: Apache-2.0
#include "tenancy/registry.hpp"

#include <fmt/format.h>

#include "base/random.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::tenancy {
namespace {

const std::string& sql_by_slug() {
    static const std::string sql = fmt::format("{}where t.slug = $1", select_tenant);
    return sql;
}

const std::string& sql_by_id() {
    static const std::string sql = fmt::format("{}where t.id = $1", select_tenant);
    return sql;
}

/// In the order of select_tenant.
result<tenant> read_tenant(const postgres::result_set::row& row) {
    const auto status = parse_status(row.get<std::string_view>(3));
    if (!status) return fail(errc::internal);
    return tenant{.id = row.get<uuid>(0),
                  .slug = row.get<std::string>(1),
                  .name = row.get<std::string>(2),
                  .status = *status,
                  .server = row.get<std::string>(4),
                  .server_host = row.get<std::string>(5),
                  .server_port = row.get<std::string>(6),
                  .database = row.get<std::string>(7),
                  .role = row.get<std::string>(8),
                  .sealed_password = row.get<std::string>(9),
                  .password = {},
                  .schema_version = row.get<std::int64_t>(10),
                  .key_version = row.get<std::int32_t>(11),
                  .limits = row.get<std::string>(12),
                  .created_at = row.get<std::string>(13)};
}

}  // namespace

registry::registry(postgres::pool_set& pools, const postgres::conninfo& control, const sealed_box& box,
                   registry_settings settings)
    : pools_(pools), control_(control), box_(box), settings_(settings) {}

awaitable<result<std::shared_ptr<const tenant>>> registry::by_slug(std::string slug, runtime::deadline limit) {
    auto by = postgres::parameters::of(slug);
    return find("slug:" + slug, sql_by_slug(), std::move(by), limit);
}

awaitable<result<std::shared_ptr<const tenant>>> registry::by_id(uuid id, runtime::deadline limit) {
    return find("id:" + id.to_string(), sql_by_id(), postgres::parameters::of(id), limit);
}

postgres::database registry::open(const tenant& of, runtime::deadline limit) {
    // The sealed password is part of the name, so that new credentials mean a new pool.
    return {pools_.get(fmt::format("{}/{}/{}", of.server, of.database, of.sealed_password), tenant_conninfo(control_, of)), limit};
}

postgres::database registry::control(runtime::deadline limit) { return {pools_.get("control", control_), limit}; }

awaitable<registry::found> registry::find(std::string key, std::string_view where, postgres::parameters by,
                                          runtime::deadline limit) {
    for (;;) {
        const auto now = steady_clock::now();
        auto& slot = entries_[key];
        if (now < slot.fresh_until) co_return answer(slot);
        if (!slot.loading) break;
        const auto loading = slot.loading;
        co_await loading->async_wait(use_tuple);
        if (limit.passed()) co_return fail(errc::unavailable);
    }
    make_room();
    // Whoever loads is waited for no longer than this, even if its coroutine should be lost.
    const auto event = std::make_shared<steady_timer>(co_await net::this_coro::executor, limit.at());
    entries_[key].loading = event;
    const auto loaded = co_await load(where, std::move(by), limit);
    store(key, loaded);
    event->cancel();
    const auto& slot = entries_[key];
    // When the control database is away an entry that is merely old is better than none.
    if (!loaded && loaded.error().code != errc::tenant_unknown && steady_clock::now() < slot.usable_until)
        co_return answer(slot);
    co_return loaded;
}

awaitable<registry::found> registry::load(std::string_view where, postgres::parameters by, runtime::deadline limit) {
    const auto rows = co_await control(limit).read(postgres::statement(where), std::move(by));
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::tenant_unknown);
    co_return opened((*rows)[0]);
}

registry::found registry::opened(const postgres::result_set::row& row) const {
    auto read = read_tenant(row);
    if (!read) return std::unexpected(read.error());
    if (auto ok = open_password(*read, box_); !ok) {
        log::error("a tenant's password cannot be opened: is DATA_KEY the one it was sealed with?", {{"tenant", read->slug}});
        return fail(errc::unavailable, "the tenant's credentials cannot be opened");
    }
    return std::make_shared<const tenant>(std::move(*read));
}

void registry::store(const std::string& key, const found& loaded) {
    auto& slot = entries_[key];
    slot.loading.reset();
    const auto now = steady_clock::now();
    if (loaded) {
        slot.known = *loaded;
        slot.fresh_until = now + std::chrono::duration_cast<steady_clock::duration>(settings_.fresh * (1 + jitter() / 2));
        slot.usable_until = now + settings_.usable;
    } else if (loaded.error().code == errc::tenant_unknown) {
        slot.known = nullptr;
        slot.fresh_until = slot.usable_until = now + settings_.unknown_fresh;
    }
}

registry::found registry::answer(const entry& from) const {
    if (!from.known) return fail(errc::tenant_unknown);
    return from.known;
}

/// Forgets what is neither fresh nor being loaded, then whatever comes first: correctness never rests on an entry.
void registry::make_room() {
    if (entries_.size() <= settings_.most_entries) return;
    const auto now = steady_clock::now();
    std::erase_if(entries_, [now](const auto& e) { return !e.second.loading && now >= e.second.fresh_until; });
    for (auto it = entries_.begin(); entries_.size() > settings_.most_entries && it != entries_.end();)
        it = it->second.loading ? std::next(it) : entries_.erase(it);
}

}  // namespace bulkhead::tenancy
