// SPDX-License-Identifier: Apache-2.0
// A job, as its row in the tenant's database tells it and as the API shows it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "queue/kind.hpp"

namespace bulkhead::queue {

/// The column jobs.state. What the API calls "scheduled" is a waiting job whose time has not come.
enum class job_state : std::int16_t { waiting = 0, running = 1, succeeded = 2, failed = 3, cancelled = 4 };

/// A wish that a job be done. Described once by its handler, see handler.hpp; made by `job_of`.
struct new_job {
    uuid id = uuid::generate();
    std::string kind;
    queue::lane lane = queue::lane::normal;
    queue::priority priority = queue::priority::normal;
    durability kept = durability::database;
    std::string payload;  // JSON
    std::int16_t version = 1;
    unsigned most_attempts = 8;
    std::optional<utc_time> run_at{};  // nullopt: as soon as possible
    std::string unique_key{};          // not empty: at most one open job of the tenant has it
    std::optional<uuid> user{};        // on whose behalf; nullopt: the system's
};

/// One run that failed.
struct job_failure_record {
    unsigned attempt = 0;
    utc_time at;
    std::string reason;
};
inline constexpr std::size_t most_failure_records = 10;  // the latest ones are kept

}  // namespace bulkhead::queue
