// SPDX-License-Identifier: Apache-2.0
#include "telemetry/report_limiter.hpp"

#include <utility>

namespace bulkhead::telemetry {
namespace {

constexpr std::chrono::minutes length{1};

}  // namespace

std::optional<std::uint64_t> report_limiter::admit(std::uint64_t kind, unsigned a_minute,
                                                   clock::time_point now) {
    auto at = windows_.find(kind);
    if (at == windows_.end()) {
        if (windows_.size() >= most_kinds)
            std::erase_if(windows_, [&](const auto& each) { return now - each.second.since >= length; });
        if (windows_.size() >= most_kinds) return std::nullopt;
        at = windows_.emplace(kind, window{.since = now}).first;
    }
    auto& current = at->second;
    if (now - current.since >= length) {
        current.since = now;
        current.admitted = 0;
    }
    if (current.admitted >= a_minute) {
        ++current.held_back;
        return std::nullopt;
    }
    ++current.admitted;
    return std::exchange(current.held_back, 0);
}

}  // namespace bulkhead::telemetry
