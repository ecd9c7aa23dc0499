// SPDX-License-Identifier: Apache-2.0
#include "base/fail_point.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <string>

namespace bulkhead {
namespace {

std::string armed;
std::atomic<int> passes_left{0};

}  // namespace

void arm_fail_point(std::string_view name_and_count) {
    const auto colon = name_and_count.rfind(':');
    int count = 1;
    if (colon != name_and_count.npos)
        std::from_chars(name_and_count.data() + colon + 1, name_and_count.data() + name_and_count.size(),
                        count);
    armed = name_and_count.substr(0, colon);
    passes_left = count;
}

void fail_point(std::string_view name) noexcept {
    if (armed.empty() || name != armed) return;
    if (passes_left.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace bulkhead
