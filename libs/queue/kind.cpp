// SPDX-License-Identifier: Apache-2.0
#include "queue/kind.hpp"

#include <algorithm>
#include <array>

namespace bulkhead::queue {
namespace {

constexpr std::size_t longest_name = 64;

bool is_word(std::string_view word) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !word.empty() && word.front() >= 'a' && word.front() <= 'z' && std::ranges::all_of(word, fits);
}

}  // namespace

std::string_view lane_name(lane which) noexcept {
    constexpr std::array<std::string_view, lanes> names{"critical", "default", "bulk"};
    return names[static_cast<std::size_t>(which)];
}

std::string_view priority_name(priority which) noexcept {
    constexpr std::array<std::string_view, priorities> names{"high", "normal", "low"};
    return names[static_cast<std::size_t>(which)];
}

std::chrono::milliseconds wait_after(const retry_policy& rules, unsigned attempt, double chance,
                                     std::chrono::milliseconds asked) {
    auto full = std::min(rules.first, rules.most);
    for (unsigned i = 1; i < attempt && full < rules.most; ++i) full = std::min(full * 2, rules.most);
    const auto half = full / 2;
    const auto more = static_cast<double>((full - half).count()) * chance;
    return std::max(half + std::chrono::milliseconds(static_cast<std::int64_t>(more)), asked);
}

result<> check_kind_name(std::string_view name) {
    bool good = name.size() <= longest_name;
    for (auto rest = name; good;) {
        const auto dot = rest.find('.');
        good = is_word(rest.substr(0, dot));
        if (dot == rest.npos) break;
        rest.remove_prefix(dot + 1);
    }
    if (good) return {};
    return fail_field("/kind", "invalid_format",
                      "words of a-z, 0-9 and _ with dots between, at most 64 bytes");
}

}  // namespace bulkhead::queue
