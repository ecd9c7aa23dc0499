// SPDX-License-Identifier: Apache-2.0
#include "storage/object_key.hpp"

#include <algorithm>
#include <string_view>

namespace bulkhead::storage {
namespace {

constexpr std::size_t most_segments = 8;
constexpr std::size_t longest_segment = 100;

bool is_segment(std::string_view text) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= longest_segment && text.front() != '.' &&
           std::ranges::all_of(text, fits);
}

}  // namespace

std::optional<object_key> object_key::make(const uuid& tenant, std::vector<std::string> segments) {
    if (segments.empty() || segments.size() > most_segments || !std::ranges::all_of(segments, is_segment))
        return std::nullopt;
    return object_key(tenant, std::move(segments));
}

std::string object_key::text() const {
    auto out = tenant_.to_string();
    for (const auto& each : segments_) out.append(1, '/').append(each);
    return out;
}

}  // namespace bulkhead::storage
