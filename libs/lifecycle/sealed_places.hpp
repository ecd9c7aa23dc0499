// SPDX-License-Identifier: Apache-2.0
// Every place where something is kept that the data key seals and that outlives a day: columns of the control
// database and of tenants' databases. Who adds such a column adds it here, or a change of the key loses what
// is in it. Blocking; one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/keys.hpp"

namespace bulkhead::lifecycle {

struct sealed_place {
    std::string_view name;
    /// A query that gives, under these names: key (of the row), context (of the seal), value.
    std::string values;
    /// Sets the value of the row $1 to $2, if it still is $3.
    std::string_view replace;
    /// The slug; empty: in the control database.
    std::string tenant{};
};

/// What is done at a place, in a session of the database that holds it.
using work_at_place = std::function<result<void>(postgres::session&, const sealed_place&)>;

/// Whether the databases of deleted tenants, which admit nobody, are opened to us for the moment of a visit.
enum class closed_databases { pass_by, open };

/// Does the work at every place: first those of the control database, in the order in which values wander,
/// from a spare database or an operation into a tenant; then in each tenant's database, from deletion to
/// purge, too. A tenant that is being made has nothing yet, and one that is being purged needs nothing any
/// more. Returns those whose databases could not be reached or worked in. A failure in the control database
/// is an error. Ends early when `stop` says so.
result<std::vector<unvisited_tenant>> visit_sealed_places(site& at, closed_databases closed,
                                                          const work_at_place& work,
                                                          const std::function<bool()>& stop);

}  // namespace bulkhead::lifecycle
