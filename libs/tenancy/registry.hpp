// SPDX-License-Identifier: Apache-2.0
// The tenants a reactor has met lately. Finding one costs no query while its entry is fresh; one query at a
// time refreshes it, however many requests wait; the change feed makes it forget at once what has changed.
// When the control database is away, known tenants keep working for a bounded time and unknown ones are
// refused. Belongs to one reactor.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/sealed_box.hpp"
#include "persistence/postgres/database.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "tenancy/passages.hpp"
#include "tenancy/registry_metrics.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

struct registry_settings {
    std::chrono::milliseconds fresh{
        10'000};  // plus up to half as much, so that entries do not expire together
    std::chrono::milliseconds fresh_unfed{2'000};  // the same while nobody tells us of changes
    std::chrono::milliseconds unknown_fresh{2'000};
    std::chrono::milliseconds usable{600'000};  // while the control database is away
    std::chrono::milliseconds pause{1'000};     // meanwhile, between two attempts to refresh an entry
    std::chrono::milliseconds patience{1'000};  // with the control database, when an old entry would do
    std::size_t most_entries = 16'384;          // tenants
    std::size_t most_unknown = 4'096;           // slugs and ids that no tenant has
};

/// A tenant in memory, without its passwords: the way to its database is for the registry alone.
class known_tenant : public tenant {
public:
    known_tenant(tenant of, std::shared_ptr<const postgres::conninfo> way);

private:
    friend class registry;
    std::string pool_;  // the name of its pool: its id, so that a changed target replaces the pool
    std::shared_ptr<const postgres::conninfo> target_;
};

/// What the change feed tells of a tenant.
struct tenant_change {
    uuid id;
    tenant_status status;   // from now on
    std::int64_t revision;  // of the tenant, as of this change
};

/// Why nobody may use a tenant of this status; nullopt: it is open.
[[nodiscard]] std::optional<error> refusal_of(tenant_status status);

class registry {
public:
    using found = result<std::shared_ptr<const known_tenant>>;

    /// All references must outlive the registry. `control`'s address is also that of the tenants on its
    /// server.
    registry(postgres::pool_set& pools, const postgres::conninfo& control, const sealed_box& box,
             registry_metrics counts, registry_settings settings = {});

    /// Never null. errc::tenant_unknown when there is none, errc::unavailable when nobody can tell. The
    /// status is not judged here.
    awaitable<found> by_slug(std::string slug, runtime::deadline limit);
    awaitable<found> by_id(uuid id, runtime::deadline limit);

    /// The tenant's database as its own role, for one request or job.
    [[nodiscard]] postgres::database open(tenant_passage, const known_tenant& of, runtime::deadline limit);
    /// The control database.
    [[nodiscard]] postgres::database control(control_passage, runtime::deadline limit);

    /// Forgets what has changed, its old slug too; a tenant that is closed loses its connections, and whoever
    /// uses them hears why.
    void on_change(const tenant_change& what);
    /// Whether changes are being told. When that begins, everything is to be asked for again at its next use.
    void on_feed(bool listening);

    /// The slug of a tenant in memory; nullptr: unknown here. Valid until the next call.
    [[nodiscard]] const std::string* slug_of(const uuid& id) const;
    /// Those that were asked for latest, the latest first; at most so many.
    [[nodiscard]] std::vector<uuid> recent(std::size_t most) const;
    [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

private:
    struct load_in_progress;
    struct entry : boost::intrusive::list_base_hook<> {
        std::shared_ptr<const known_tenant> known;
        steady_clock::time_point loaded_at{};
        steady_clock::time_point good_until{};  // whatever its age
        double spread = 0;
        bool doubted = false;
    };
    struct lookup {
        std::string slug;  // empty: by id
        uuid id;
        [[nodiscard]] std::string name() const;
    };

    awaitable<found> find(lookup what, runtime::deadline limit);
    awaitable<found> load(lookup what, runtime::deadline limit);
    awaitable<found> ask(lookup what, std::shared_ptr<load_in_progress> loading);
    static awaitable<void> wait(std::shared_ptr<load_in_progress> loading, runtime::deadline limit);
    found opened(const postgres::result_set::row& row) const;

    [[nodiscard]] entry* entry_of(const lookup& what);
    [[nodiscard]] bool is_fresh(const entry& each, steady_clock::time_point now) const;
    [[nodiscard]] bool is_usable(const entry& each, steady_clock::time_point now) const;
    [[nodiscard]] bool overtaken(const load_in_progress& loading, const found& loaded) const;
    found settle(const lookup& what, found loaded, const load_in_progress& loading);
    void remember(std::shared_ptr<const known_tenant> loaded);
    void remember_unknown(std::string name);
    void unmap(const entry& each);
    void forget(entry& each);
    void touch(entry& each);
    postgres::database control_database(runtime::deadline limit);

    postgres::pool_set& pools_;
    const std::shared_ptr<const postgres::conninfo> control_;
    const sealed_box& box_;
    const registry_metrics counts_;
    const registry_settings settings_;
    bool fed_ = false;

    // One entry has both names. The slug of an entry that is in doubt leads nowhere: it may be another's now.
    std::unordered_map<uuid, entry> by_id_;
    std::unordered_map<std::string, entry*, postgres::string_hash, std::equal_to<>> by_slug_;
    boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>> used_;  // latest first
    std::unordered_map<std::string, steady_clock::time_point> unknown_;                // until when
    std::unordered_map<std::string, std::shared_ptr<load_in_progress>> loads_;

    // The latest changes: a load that began before one of its tenant may have read what was before it.
    std::array<uuid, 64> changed_{};
    std::uint64_t changes_ = 0;
};

}  // namespace bulkhead::tenancy
