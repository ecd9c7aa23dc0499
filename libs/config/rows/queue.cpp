// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;

// clang-format off
std::vector<row> queue_rows() { return {
    {.name = "WORKER_THREADS", .programs = worker, .type = "0-256", .fallback = "one per core",
     .computed = one_per_core, .parse = into(&settings::worker_threads, parse_threads),
     .example = "2", .help = "Reactors that run jobs; 0 is one per core."},
    {.name = "WORKER_CONCURRENCY", .programs = worker, .type = "comma list of lane=number",
     .fallback = "critical=4,default=16,bulk=4", .parse = into(&settings::worker_concurrency, parse_concurrency),
     .help = "Jobs of each lane that run at a time in a worker. What is idle in one lane others borrow."},
    {.name = "QUEUE_SHARDS", .programs = servers, .type = "1-64", .fallback = "4",
     .parse = into(&settings::queue_shards, parse_number<unsigned, 1, 64>),
     .help = "Into how many parts Redis' side of the queue is cut. The same in all programs, always."},
    {.name = "QUEUE_KEEP_SUCCEEDED", .programs = worker, .type = "time from 1m to 3650d", .fallback = "7d",
     .parse = into(&settings::queue_keep_succeeded, parse_time<minute, 3650 * day>),
     .help = "How long a job that succeeded or was cancelled is remembered."},
    {.name = "QUEUE_KEEP_FAILED", .programs = worker, .type = "time from 1m to 3650d", .fallback = "90d",
     .parse = into(&settings::queue_keep_failed, parse_time<minute, 3650 * day>),
     .help = "How long a job that failed for good is kept, to be looked at and tried again."},
}; }
// clang-format on

}  // namespace bulkhead::config
