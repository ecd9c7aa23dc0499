// SPDX-License-Identifier: Apache-2.0
#include "job_tools.hpp"

#include <numeric>

namespace bulkhead::worker {
namespace {

/// Each of which waits for one call, to the storage or to a receiver, at most.
std::size_t jobs_at_a_time(const config::settings& s) {
    const auto& slots = s.worker_concurrency;
    return std::accumulate(slots.begin(), slots.end(), std::size_t{0});
}

}  // namespace

job_tools::job_tools(executor home, const config::settings& s, const sealed_box& box,
                     metrics::registry& counts)
    : files_(s, counts, jobs_at_a_time(s) + 1),
      sweeper_(home, files_.store()),
      webhooks_(s, box, counts, jobs_at_a_time(s) + 1) {}

void job_tools::start() { sweeper_.start(); }

void job_tools::stop() { sweeper_.stop(); }

void job_tools::stop_threads() { files_.stop(); }

}  // namespace bulkhead::worker
