// SPDX-License-Identifier: Apache-2.0
#include "hashing.hpp"

#include <algorithm>

namespace bulkhead::api {
namespace {

/// A hash of cost 12 takes about a third of a second, and more when there is other work: the last in line
/// must be done within a request's time.
constexpr std::size_t hashes_waiting = 8;  // for each thread

}  // namespace

hashing::hashing(const config::settings& s, metrics::registry& counts)
    : hasher_(s.bcrypt_cost, s.password_pepper),
      count_(std::max(1u, s.api_threads / 2)),
      most_(count_ * (1 + hashes_waiting)),
      threads_("hash", count_, most_, runtime::urgency::background),
      passwords_(hasher_, threads_,
                 &counts.add_histogram("bulkhead_hash_duration_seconds",
                                       "Password hashes, their wait included", metrics::latency_bounds())) {
    counts.add_gauge_sampler("bulkhead_hash_queue", "Password hashes that wait for a thread",
                             [this] { return static_cast<double>(threads_.waiting()); });
}

}  // namespace bulkhead::api
