// SPDX-License-Identifier: Apache-2.0
// What a move is made of: from where to where, and each thing that is done on the way. Every function may be
// repeated. Blocking; one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "lifecycle/credentials.hpp"
#include "lifecycle/operation.hpp"

namespace bulkhead::lifecycle {

/// Kept in the record of the work, the passwords sealed.
struct move_plan {
    uuid tenant;
    uuid operation;  // not kept: the record's own
    std::string source_server;
    std::string source_database;
    credentials source;  // names only
    std::string target_server;
    std::string target_database;
    credentials target;
    std::chrono::milliseconds max_pause{0};

    [[nodiscard]] json::object to_json() const;
};

/// With new passwords for the target.
move_plan make_plan(const site& at, const tenancy::tenant& one, std::string_view target_server,
                    std::chrono::milliseconds max_pause);

/// errc::internal when the record is not one of a move.
result<move_plan> read_plan(const operation& record);

enum class where_it_is {
    source,
    under_way,  // paused
    target,
};

/// What the tenant's row says. errc::not_found when there is no such tenant.
result<where_it_is> find_where(const site& at, const move_plan& plan);

/// The roles and an empty database, which no request can reach.
result<void> prepare_target(site& at, const move_plan& plan);

/// From now on every process answers 503 for the tenant; the moment is remembered.
result<void> begin_pause(site& at, const move_plan& plan);

/// Lets what is under way at the source come to its end for half a second, then nobody in. After that nothing
/// can be written there.
result<void> lock_source(site& at, const move_plan& plan);

result<std::chrono::milliseconds> time_paused(const site& at, const move_plan& plan);

/// All data, and the application's rights on them. errc::deadline_exceeded when it takes longer.
result<void> copy_to_target(site& at, const move_plan& plan, std::chrono::milliseconds longest,
                            const std::function<bool()>& stop);

/// The end of the pause: the row names the target, in the state from before.
result<void> move_row(site& at, const move_plan& plan);

/// For the planner. Not worth failing for.
result<void> refresh_statistics(site& at, const move_plan& plan);

/// What is left behind when the tenant has arrived.
result<void> remove_source(site& at, const move_plan& plan);

/// The end of the pause when it has not; fine when it is not paused, or has arrived after all.
result<void> go_on_at_source(site& at, const move_plan& plan);

/// What then is left at the target.
result<void> remove_target(site& at, const move_plan& plan);

}  // namespace bulkhead::lifecycle
