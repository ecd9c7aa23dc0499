// SPDX-License-Identifier: Apache-2.0
#include "tenancy/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <utility>

#include "base/random.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::tenancy {
namespace {

const std::string& sql_by_slug() {
    static const std::string sql = fmt::format("{}where t.slug = $1", select_tenant());
    return sql;
}

const std::string& sql_by_id() {
    static const std::string sql = fmt::format("{}where t.id = $1", select_tenant());
    return sql;
}

/// How often a load is repeated because the tenant changed under it.
constexpr int most_attempts = 3;

error unavailable(std::string detail, std::chrono::seconds retry_after) {
    return {.code = errc::unavailable, .detail = std::move(detail), .retry_after = retry_after};
}

/// A tenant as it is kept: moved strings would keep the memory of the secrets that they held.
tenant without_secrets(tenant of) {
    of.password = secret();
    std::string().swap(of.sealed_password);
    std::string().swap(of.sealed_owner_password);
    return of;
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
                  .revision = row.get<std::int64_t>(22),
                  .limits = parse_limits(row.get<std::string_view>(17)),
                  .storage_bytes = row.get<std::int64_t>(18),
                  .created_at = row.get<std::string>(19),
                  .purge_after = row.get<std::string>(20),
                  .measured_at = row.get<std::string>(21)};
}

}  // namespace

std::optional<error> refusal_of(tenant_status status) {
    switch (status) {
        case tenant_status::active: return std::nullopt;
        case tenant_status::suspended: return error{.code = errc::tenant_suspended};
        case tenant_status::provisioning:
            return unavailable("the tenant is being created", std::chrono::seconds{1});
        case tenant_status::maintenance:
            return unavailable("the tenant is being moved", std::chrono::seconds{2});
        case tenant_status::deleted:
        case tenant_status::purging: return error{.code = errc::tenant_unknown};
    }
    return error{.code = errc::internal};
}

known_tenant::known_tenant(tenant of, std::shared_ptr<const postgres::conninfo> way)
    : tenant(without_secrets(std::move(of))), pool_(id.to_string()), target_(std::move(way)) {}

std::string registry::lookup::name() const { return slug.empty() ? "id:" + id.to_string() : "slug:" + slug; }

registry::registry(postgres::pool_set& pools, const postgres::conninfo& control, const sealed_box& box,
                   registry_metrics counts, registry_settings settings)
    : pools_(pools),
      control_(std::make_shared<const postgres::conninfo>(control)),
      box_(box),
      counts_(counts),
      settings_(settings) {}

awaitable<registry::found> registry::by_slug(std::string slug, runtime::deadline limit) {
    return find({std::move(slug), {}}, limit);
}

awaitable<registry::found> registry::by_id(uuid id, runtime::deadline limit) { return find({{}, id}, limit); }

postgres::database registry::open(tenant_passage, const known_tenant& of, runtime::deadline limit) {
    return {pools_.get(of.pool_, of.target_), limit};
}

postgres::database registry::control(control_passage, runtime::deadline limit) {
    return control_database(limit);
}

postgres::database registry::control_database(runtime::deadline limit) {
    return {pools_.get("control", control_), limit};
}

const std::string* registry::slug_of(const uuid& id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : &at->second.known->slug;
}

std::vector<uuid> registry::recent(std::size_t most) const {
    std::vector<uuid> out;
    for (const auto& each : used_) {
        if (out.size() == most) break;
        out.push_back(each.known->id);
    }
    return out;
}

/// One request asks the control database, the others wait for what it hears.
struct registry::load_in_progress {
    explicit load_in_progress(runtime::deadline of_loader) : limit(of_loader) {}

    const runtime::deadline limit;
    std::uint64_t asked_after = 0;  // so many changes
    std::optional<error> failure{};
    std::list<steady_timer> waiting{};

    void finish(const found& heard) {
        if (!heard) failure = heard.error();
        for (auto& each : waiting) each.cancel();
    }
};

awaitable<registry::found> registry::find(lookup what, runtime::deadline limit) {
    for (bool counted = false;;) {
        const auto now = steady_clock::now();
        auto* const known = entry_of(what);
        const bool hit = known && is_fresh(*known, now);
        if (!std::exchange(counted, true)) (hit ? counts_.hits : counts_.misses).add();
        if (hit) {
            touch(*known);
            co_return known->known;
        }
        const auto name = what.name();
        if (const auto absent = unknown_.find(name); absent != unknown_.end() && now < absent->second)
            co_return fail(errc::tenant_unknown);
        const auto under_way = loads_.find(name);
        // A loader whose time is up, or that was given up with its request, must not keep the others.
        if (under_way == loads_.end() || under_way->second->limit.passed()) break;
        const auto loading = under_way->second;
        co_await wait(loading, limit);
        // What it found is looked up again: it may have changed in the meantime.
        if (loading->failure && !loading->limit.passed()) co_return std::unexpected(*loading->failure);
        if (limit.passed()) co_return fail(errc::unavailable);
    }
    co_return co_await load(std::move(what), limit);
}

/// Until the load ends, its time is up, or that of the one who waits.
awaitable<void> registry::wait(std::shared_ptr<load_in_progress> loading, runtime::deadline limit) {
    const auto ex = co_await net::this_coro::executor;
    const auto until = std::min(limit.at(), loading->limit.at());
    const auto place = loading->waiting.emplace(loading->waiting.end(), ex, until);
    co_await place->async_wait(use_tuple);
    loading->waiting.erase(place);
}

/// Asks for all who want to know.
awaitable<registry::found> registry::load(lookup what, runtime::deadline limit) {
    const auto now = steady_clock::now();
    const auto* old = entry_of(what);
    if (old && is_usable(*old, now))
        limit = runtime::deadline(std::min(limit.at(), now + settings_.patience));
    const auto name = what.name();
    const auto mine = std::make_shared<load_in_progress>(limit);
    loads_[name] = mine;
    auto answer = co_await ask(what, mine);
    auto heard = settle(what, std::move(answer), *mine);
    if (const auto slot = loads_.find(name); slot != loads_.end() && slot->second == mine) loads_.erase(slot);
    mine->finish(heard);
    co_return heard;
}

/// What the control database says, as of a moment at which no later change was known.
awaitable<registry::found> registry::ask(lookup what, std::shared_ptr<load_in_progress> loading) {
    found heard;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        loading->asked_after = changes_;
        counts_.loads.add();
        auto by = what.slug.empty() ? postgres::parameters::of(what.id) : postgres::parameters::of(what.slug);
        const std::string_view sql = what.slug.empty() ? sql_by_id() : sql_by_slug();
        const auto rows =
            co_await control_database(loading->limit).read(postgres::statement(sql), std::move(by));
        if (!rows) co_return std::unexpected(rows.error());
        heard = rows->empty() ? found(fail(errc::tenant_unknown)) : opened((*rows)[0]);
        if (!overtaken(*loading, heard)) co_return heard;
    }
    if (!heard) co_return heard;
    co_return std::unexpected(unavailable("the tenant is changing", std::chrono::seconds{1}));
}

/// Whether a change that came during the load may be one that it did not see.
bool registry::overtaken(const load_in_progress& loading, const found& loaded) const {
    const auto count = changes_ - loading.asked_after;
    if (count == 0) return false;
    if (count > changed_.size() || !loaded) return true;
    for (auto i = loading.asked_after; i < changes_; ++i)
        if (changed_[i % changed_.size()] == (*loaded)->id) return true;
    return false;
}

registry::found registry::opened(const postgres::result_set::row& row) const {
    auto read = read_tenant(row);
    if (!read) return std::unexpected(read.error());
    if (auto ok = open_password(*read, box_); !ok) {
        log::error("a tenant's password cannot be opened: is DATA_KEY the one it was sealed with?",
                   {{"tenant", read->slug}});
        return fail(errc::unavailable, "the tenant's credentials cannot be opened");
    }
    auto way = std::make_shared<const postgres::conninfo>(tenant_conninfo(*control_, *read));
    return std::make_shared<const known_tenant>(*std::move(read), std::move(way));
}

registry::entry* registry::entry_of(const lookup& what) {
    if (what.slug.empty()) {
        const auto at = by_id_.find(what.id);
        return at == by_id_.end() ? nullptr : &at->second;
    }
    const auto at = by_slug_.find(what.slug);
    return at == by_slug_.end() ? nullptr : at->second;
}

bool registry::is_fresh(const entry& each, steady_clock::time_point now) const {
    if (now < each.good_until) return true;
    const auto age = fed_ ? settings_.fresh : settings_.fresh_unfed;
    return !each.doubted && now < each.loaded_at + std::chrono::duration_cast<steady_clock::duration>(
                                                       age * (1 + each.spread / 2));
}

bool registry::is_usable(const entry& each, steady_clock::time_point now) const {
    return now < each.loaded_at + settings_.usable;
}

/// Remembers what was heard, and gives what is to be answered.
registry::found registry::settle(const lookup& what, found loaded, const load_in_progress& loading) {
    if (loaded) {
        remember(*loaded);
        return loaded;
    }
    auto* const old = entry_of(what);
    if (loaded.error().code == errc::tenant_unknown) {
        if (old) forget(*old);
        if (!overtaken(loading, loaded)) remember_unknown(what.name());
        return loaded;
    }
    const auto now = steady_clock::now();
    const bool away =
        loaded.error().code == errc::unavailable || loaded.error().code == errc::deadline_exceeded;
    if (!away || !old || !is_usable(*old, now)) return loaded;
    // When the control database is away an entry that is merely old is better than none.
    old->good_until =
        std::min<steady_clock::time_point>(now + settings_.pause, old->loaded_at + settings_.usable);
    counts_.stale.add();
    return old->known;
}

void registry::remember(std::shared_ptr<const known_tenant> loaded) {
    const auto now = steady_clock::now();
    auto at = by_id_.find(loaded->id);
    if (at == by_id_.end()) {
        // Those that nobody has used for so long that they are of no use even in need, and one for the new
        // one.
        while (!used_.empty() && (by_id_.size() >= settings_.most_entries || !is_usable(used_.back(), now)))
            forget(used_.back());
        at = by_id_.try_emplace(loaded->id).first;
        used_.push_front(at->second);
        counts_.entries.add(1);
    } else {
        unmap(at->second);
        touch(at->second);
    }
    auto& slot = at->second;
    slot.known = std::move(loaded);
    slot.loaded_at = now;
    slot.good_until = {};
    slot.spread = jitter();
    slot.doubted = false;
    by_slug_.insert_or_assign(slot.known->slug, &slot);
}

/// Anybody can invent any number of these; correctness never rests on one.
void registry::remember_unknown(std::string name) {
    const auto now = steady_clock::now();
    if (unknown_.size() >= settings_.most_unknown)
        std::erase_if(unknown_, [now](const auto& each) { return now >= each.second; });
    if (unknown_.size() >= settings_.most_unknown) unknown_.clear();
    unknown_.insert_or_assign(std::move(name), now + settings_.unknown_fresh);
}

void registry::unmap(const entry& each) {
    const auto at = by_slug_.find(each.known->slug);
    if (at != by_slug_.end() && at->second == &each) by_slug_.erase(at);
}

void registry::forget(entry& each) {
    unmap(each);
    used_.erase(used_.iterator_to(each));
    by_id_.erase(uuid(each.known->id));  // a copy: the entry goes in the middle of it
    counts_.entries.add(-1);
}

void registry::touch(entry& each) { used_.splice(used_.begin(), used_, used_.iterator_to(each)); }

void registry::on_change(const tenant_change& what) {
    // An announcement may come after what it announces was read, and after what followed it.
    const auto seen = by_id_.find(what.id);
    if (seen != by_id_.end() && seen->second.known->revision >= what.revision) return;
    changed_[changes_++ % changed_.size()] = what.id;
    unknown_.clear();  // a name that nobody had may be somebody's now
    if (const auto at = by_id_.find(what.id); at != by_id_.end()) {
        auto& slot = at->second;
        unmap(slot);
        slot.doubted = true;
        slot.good_until = {};
        if (slot.known->status != what.status) {  // it holds although the control database may be away next
            auto changed = std::make_shared<known_tenant>(*slot.known);
            changed->status = what.status;
            changed->revision = what.revision;
            slot.known = std::move(changed);
        }
    }
    if (const auto why = refusal_of(what.status)) pools_.close(what.id.to_string(), *why);
}

void registry::on_feed(bool listening) {
    fed_ = listening;
    if (!listening) return;
    changes_ += changed_.size() + 1;  // what is being loaded may be old too
    unknown_.clear();
    for (auto& each : used_) {
        each.doubted = true;
        each.good_until = {};
    }
}

}  // namespace bulkhead::tenancy
