// SPDX-License-Identifier: Apache-2.0
#include "compressing.hpp"

#include <algorithm>
#include <cstddef>

namespace bulkhead::api {
namespace {

/// A large answer takes a millisecond or two: those who would wait longer get theirs as it is.
constexpr std::size_t answers_waiting = 16;  // for each thread

}  // namespace

compressing::compressing(const config::settings& s, metrics::registry& counts)
    : count_(std::max(1u, s.api_threads / 2)), threads_("compress", count_, count_ * answers_waiting) {
    if (s.compress) compression_.emplace(threads_, counts);
}

}  // namespace bulkhead::api
