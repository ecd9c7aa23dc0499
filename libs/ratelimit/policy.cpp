// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/time.hpp"

namespace bulkhead::ratelimit {
namespace {

constexpr std::int64_t most_in_header = 999'999'999'999'999;  // RFC 9651 section 3.3.1

}  // namespace

policy::policy(std::string_view name, std::vector<window> windows)
    : name_(name), windows_(std::move(windows)) {
    if (windows_.size() > most_windows) throw std::invalid_argument("too many windows in a rate limit");
    for (const auto& each : windows_) {
        const bool first = names_.empty();
        names_.push_back(first ? std::string(name)
                               : fmt::format("{}-{}", name, format_duration(each.length)));
        header_ += fmt::format(R"({}"{}";q={};w={})", first ? "" : ", ", names_.back(),
                               std::min(each.count, most_in_header), each.length.count());
        argument_ += fmt::format("{}{} {}", first ? "" : " ", each.count, milliseconds(each.length).count());
    }
}

std::string key_of(const policy& rule, std::string_view who) {
    constexpr std::string_view prefix = "bh:{rate}:";  // one call judges many: one slot in a cluster
    std::string out;
    out.reserve(prefix.size() + rule.name().size() + 1 + who.size());
    return out.append(prefix).append(rule.name()).append(":").append(who);
}

}  // namespace bulkhead::ratelimit
