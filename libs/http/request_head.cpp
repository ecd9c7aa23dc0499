// SPDX-License-Identifier: Apache-2.0
#include "http/request_head.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

bool is_named(const header& line, std::string_view name) noexcept {
    return line.name.size() == name.size() && iequals(line.name, name);
}

}  // namespace

std::optional<std::string_view> request_head::find(std::string_view name) const noexcept {
    for (const auto& line : headers())
        if (is_named(line, name)) return line.value;
    return std::nullopt;
}

std::size_t request_head::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(headers(), [&](const header& line) { return is_named(line, name); }));
}

bool request_head::add(header line) noexcept {
    if (count_ == lines_.size()) return false;
    lines_[count_++] = line;
    return true;
}

void request_head::clear() noexcept {
    method = verb::unknown;
    method_text = target = path = query = host = {};
    asterisk = false;
    version_minor = 1;
    content_length.reset();
    chunked = false;
    keep_alive = true;
    expect_continue = false;
    count_ = 0;  // the lines themselves are overwritten as they come
}

}  // namespace bulkhead::http
