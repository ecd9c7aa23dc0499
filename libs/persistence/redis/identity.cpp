// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/identity.hpp"

namespace bulkhead::redis {

std::string_view info_value(std::string_view info, std::string_view name) noexcept {
    while (!info.empty()) {
        const auto end = info.find("\r\n");
        const auto line = info.substr(0, end);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
            return line.substr(name.size() + 1);
        if (end == std::string_view::npos) break;
        info.remove_prefix(end + 2);
    }
    return {};
}

std::string complain_about_role(const redis_reply& role) {
    if (const auto* refusal = role.error()) return "it refused to tell its role: " + refusal->message;
    const auto* parts = role.elements();
    const auto word = parts && !parts->empty() ? parts->front().text().value_or("") : "";
    if (word == "master") return {};
    return "it is not the primary: its role is " + (word.empty() ? "unknown" : std::string(word));
}

}  // namespace bulkhead::redis
