// SPDX-License-Identifier: Apache-2.0
#include "tenancy/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <optional>

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
                  .server = {.name = row.get<std::string>(4),
                             .host = row.get<std::string>(5),
                             .port = row.get<std::string>(6),
                             .sslmode = row.get<std::string>(7),
                             .pooler_host = row.get<std::string>(8),
                             .pooler_port = row.get<std::string>(9)},
                  .database = row.get<std::string>(10),
                  .role = row.get<std::string>(11),
                  .sealed_password = row.get<std::string>(12),
                  .password = {},
                  .owner_role = row.get<std::string>(13),
                  .sealed_owner_password = row.get<std::string>(14),
                  .schema_version = row.get<std::int64_t>(15),
                  .key_version = row.get<std::int32_t>(16),
                  .limits = parse_limits(row.get<std::string_view>(17)),
                  .storage_bytes = row.get<std::int64_t>(18),
                  .created_at = row.get<std::string>(19),
                  .purge_after = row.get<std::string>(20)};
}

}  // namespace

registry::registry(postgres::pool_set& pools, const postgres::conninfo& control, const sealed_box& box,
                   registry_settings settings)
    : pools_(pools), control_(control), box_(box), settings_(settings) {}

awaitable<result<std::shared_ptr<const tenant>>> registry::by_slug(std::string slug,
                                                                   runtime::deadline limit) {
    auto by = postgres::parameters::of(slug);
    return find("slug:" + slug, sql_by_slug(), std::move(by), limit);
}

awaitable<result<std::shared_ptr<const tenant>>> registry::by_id(uuid id, runtime::deadline limit) {
    return find("id:" + id.to_string(), sql_by_id(), postgres::parameters::of(id), limit);
}

postgres::database registry::open(const tenant& of, runtime::deadline limit) {
    // All that the target is made of is part of the name, so that new credentials or another host mean a new
    // pool.
    const auto key = fmt::format("{}:{}/{}/{}/{}", of.server.host, of.server.port, of.database, of.role,
                                 of.sealed_password);
    return {pools_.get(key, tenant_conninfo(control_, of)), limit};
}

postgres::database registry::control(runtime::deadline limit) {
    return {pools_.get("control", control_), limit};
}

/// One request asks the control database, the others wait for what it hears.
struct registry::load_in_progress {
    explicit load_in_progress(runtime::deadline of_loader) : limit(of_loader) {}

    const runtime::deadline limit;
    std::optional<found> outcome{};
    std::list<steady_timer> waiting{};

    void finish(found heard) {
        outcome = std::move(heard);
        for (auto& each : waiting) each.cancel();
    }
};

awaitable<registry::found> registry::find(std::string key, std::string_view where, postgres::parameters by,
                                          runtime::deadline limit) {
    for (auto known = entries_.find(key); known != entries_.end(); known = entries_.find(key)) {
        if (steady_clock::now() < known->second.fresh_until) co_return answer(known->second);
        const auto loading = known->second.loading;
        // A loader whose time is up, or that was given up with its request, must not keep the others.
        if (!loading || loading->limit.passed()) break;
        co_await wait(loading, limit);
        if (loading->outcome && (*loading->outcome || !loading->limit.passed())) co_return *loading->outcome;
        if (limit.passed()) co_return fail(errc::unavailable);
    }
    make_room();
    const auto mine = std::make_shared<load_in_progress>(limit);
    entries_[key].loading = mine;
    auto heard = store(key, co_await load(where, std::move(by), limit));
    if (auto& slot = entries_[key]; slot.loading == mine) slot.loading.reset();
    mine->finish(heard);
    co_return heard;
}

/// Until the load ends, its time is up, or that of the one who waits.
awaitable<void> registry::wait(std::shared_ptr<load_in_progress> loading, runtime::deadline limit) {
    const auto ex = co_await net::this_coro::executor;
    const auto until = std::min(limit.at(), loading->limit.at());
    const auto place = loading->waiting.emplace(loading->waiting.end(), ex, until);
    co_await place->async_wait(use_tuple);
    loading->waiting.erase(place);
}

awaitable<registry::found> registry::load(std::string_view where, postgres::parameters by,
                                          runtime::deadline limit) {
    const auto rows = co_await control(limit).read(postgres::statement(where), std::move(by));
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::tenant_unknown);
    co_return opened((*rows)[0]);
}

registry::found registry::opened(const postgres::result_set::row& row) const {
    auto read = read_tenant(row);
    if (!read) return std::unexpected(read.error());
    if (auto ok = open_password(*read, box_); !ok) {
        log::error("a tenant's password cannot be opened: is DATA_KEY the one it was sealed with?",
                   {{"tenant", read->slug}});
        return fail(errc::unavailable, "the tenant's credentials cannot be opened");
    }
    return std::make_shared<const tenant>(std::move(*read));
}

/// Remembers what was heard, and gives what is to be answered.
registry::found registry::store(const std::string& key, const found& loaded) {
    auto& slot = entries_[key];
    const auto now = steady_clock::now();
    if (loaded) {
        slot.known = *loaded;
        slot.fresh_until =
            now + std::chrono::duration_cast<steady_clock::duration>(settings_.fresh * (1 + jitter() / 2));
        slot.usable_until = now + settings_.usable;
    } else if (loaded.error().code == errc::tenant_unknown) {
        slot.known = nullptr;
        slot.fresh_until = slot.usable_until = now + settings_.unknown_fresh;
    } else if (slot.known && now < slot.usable_until) {
        // When the control database is away an entry that is merely old is better than none.
        slot.fresh_until = std::min(slot.usable_until, now + settings_.pause);
        return slot.known;
    }
    return loaded;
}

registry::found registry::answer(const entry& from) {
    if (!from.known) return fail(errc::tenant_unknown);
    return from.known;
}

/// Forgets slugs and ids without a tenant first, of which anybody can invent any number, then tenants that
/// are not fresh, then whatever comes first: correctness never rests on an entry.
void registry::make_room() {
    const auto now = steady_clock::now();
    const auto drop = [this](auto may_go) {
        if (entries_.size() >= settings_.most_entries)
            std::erase_if(entries_,
                          [&](const auto& each) { return !each.second.loading && may_go(each.second); });
    };
    drop([](const entry& each) { return !each.known; });
    drop([now](const entry& each) { return now >= each.fresh_until; });
    for (auto it = entries_.begin(); entries_.size() >= settings_.most_entries && it != entries_.end();)
        it = it->second.loading ? std::next(it) : entries_.erase(it);
}

}  // namespace bulkhead::tenancy
