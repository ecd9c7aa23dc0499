// SPDX-License-Identifier: Apache-2.0
#include "mail/link.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace bulkhead::mail {
namespace {

constexpr std::size_t longest_base = 400;

bool may_stand_in_base(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:/%[]").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<link_base> link_base::parse(std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos || url.size() > longest_base) return std::nullopt;
    const auto scheme = to_lower(url.substr(0, scheme_end));
    if (scheme != "https" && scheme != "http") return std::nullopt;
    auto rest = url.substr(scheme_end + 3);
    while (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.empty() || rest.front() == '/' || !std::ranges::all_of(rest, may_stand_in_base))
        return std::nullopt;
    return link_base(scheme + "://" + std::string(rest));
}

web_link link_base::at(std::string_view path, parameters query) const {
    std::string out = url_ + std::string(path);
    char separator = '?';
    for (const auto& [name, value] : query) {
        out += separator + percent_encode(name) + '=' + percent_encode(value);
        separator = '&';
    }
    return web_link(std::move(out));
}

}  // namespace bulkhead::mail
