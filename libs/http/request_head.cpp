// SPDX-License-Identifier: Apache-2.0
#include "http/request_head.hpp"

#include "base/text.hpp"

namespace bulkhead::http {

std::optional<std::string_view> request_head::find(std::string_view name) const noexcept {
    for (const auto& line : headers())
        if (line.name.size() == name.size() && iequals(line.name, name)) return line.value;
    return std::nullopt;
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
