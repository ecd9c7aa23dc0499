// SPDX-License-Identifier: Apache-2.0
// What is to be done again and again, for every tenant: a kind of jobs, a time, and what becomes of times
// that were missed. A time is called a slot. The job of a slot has an id that follows from schedule, tenant
// and slot, so that however many processes make it, there is one. Plain values and pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/uuid.hpp"
#include "queue/cron_expression.hpp"
#include "queue/job.hpp"

namespace bulkhead::queue {

/// Of the slots that nobody was there for.
enum class catch_up : std::uint8_t {
    skip,  // none; the next one counts
    last,  // the latest of them
    all,   // all, up to most_missed; the latest ones
};

/// Again after so long. Each tenant has its own offset, so that they do not all come at once.
struct every {
    std::chrono::seconds period;  // at least a minute
};

struct schedule {
    std::string name;  // never changes: "queue.retention"
    std::variant<every, cron_expression> when;
    catch_up missed = catch_up::last;
    unsigned most_missed = 10;
    new_job what;  // its id and run_at are those of the slot
};

/// Of `moment` and what came after: the first slot behind it.
[[nodiscard]] utc_time next_slot(const schedule& of, const uuid& tenant, utc_time moment);

/// Slots behind `last` that are due at `now` and are to be made up for, the oldest first.
[[nodiscard]] std::vector<utc_time> due_slots(const schedule& of, const uuid& tenant, utc_time last,
                                              utc_time now);

/// The job of a slot.
[[nodiscard]] new_job job_of_slot(const schedule& of, const uuid& tenant, utc_time slot);

/// A version 5 id (RFC 9562 section 5.5): the same for the same space and name.
[[nodiscard]] uuid named_uuid(const uuid& space, std::string_view name);

}  // namespace bulkhead::queue
