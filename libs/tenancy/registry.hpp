// SPDX-License-Identifier: Apache-2.0
// The tenants a reactor has met lately. Finding one costs no query while its entry is fresh; one query at a
// time refreshes it, however many requests wait; when the control database is away, known tenants keep
// working for a bounded time and unknown ones are refused. Belongs to one reactor.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/sealed_box.hpp"
#include "persistence/postgres/database.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

struct registry_settings {
    std::chrono::milliseconds fresh{
        10'000};  // plus up to half as much, so that entries do not expire together
    std::chrono::milliseconds unknown_fresh{2'000};
    std::chrono::milliseconds usable{600'000};  // while the control database is away
    std::chrono::milliseconds pause{1'000};     // meanwhile, between two attempts to refresh an entry
    std::size_t most_entries = 16'384;
};

class registry {
public:
    /// All references must outlive the registry.
    registry(postgres::pool_set& pools, const postgres::conninfo& control, const sealed_box& box,
             registry_settings settings = {});

    /// Never null. errc::tenant_unknown when there is none, errc::unavailable when nobody can tell. The
    /// password is opened. The status is not judged here.
    awaitable<result<std::shared_ptr<const tenant>>> by_slug(std::string slug, runtime::deadline limit);
    awaitable<result<std::shared_ptr<const tenant>>> by_id(uuid id, runtime::deadline limit);

    /// The tenant's database as its own role, for one request.
    [[nodiscard]] postgres::database open(const tenant& of, runtime::deadline limit);
    /// The control database.
    [[nodiscard]] postgres::database control(runtime::deadline limit);

private:
    struct load_in_progress;
    struct entry {
        std::shared_ptr<const tenant> known;  // null: there is none
        steady_clock::time_point fresh_until{};
        steady_clock::time_point usable_until{};
        std::shared_ptr<load_in_progress> loading{};
    };
    using found = result<std::shared_ptr<const tenant>>;

    awaitable<found> find(std::string key, std::string_view where, postgres::parameters by,
                          runtime::deadline limit);
    awaitable<found> load(std::string_view where, postgres::parameters by, runtime::deadline limit);
    static awaitable<void> wait(std::shared_ptr<load_in_progress> loading, runtime::deadline limit);
    found opened(const postgres::result_set::row& row) const;
    found store(const std::string& key, const found& loaded);
    static found answer(const entry& from);
    void make_room();

    postgres::pool_set& pools_;
    const postgres::conninfo& control_;
    const sealed_box& box_;
    const registry_settings settings_;
    std::unordered_map<std::string, entry> entries_;  // by "slug:<slug>" and "id:<uuid>"
};

}  // namespace bulkhead::tenancy
