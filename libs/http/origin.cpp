// SPDX-License-Identifier: Apache-2.0
#include "http/origin.hpp"

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

/// Whether two authorities name the same host and port for a scheme with this default port.
bool same_authority(std::string_view a, std::string_view b, std::string_view default_port) {
    for (auto* each : {&a, &b})
        if (each->ends_with(default_port)) each->remove_suffix(default_port.size());
    return !a.empty() && iequals(a, b);
}

}  // namespace

std::optional<std::string_view> lone_value(const request_head& head, std::string_view name) {
    if (head.count(name) > 1) return "";
    return head.find(name);
}

bool is_own_origin(std::string_view origin, std::string_view host, bool secure) {
    constexpr std::string_view http = "http://", https = "https://";
    if (origin.starts_with(https)) return same_authority(origin.substr(https.size()), host, ":443");
    return !secure && origin.starts_with(http) && same_authority(origin.substr(http.size()), host, ":80");
}

}  // namespace bulkhead::http
