// SPDX-License-Identifier: Apache-2.0
#include "http/cookies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"
#include "http/char_class.hpp"

namespace bulkhead::http {
namespace {

constexpr std::string_view host_prefix = "__Host-";

/// cookie-octet of RFC 6265 section 4.1.1.
bool is_octet(char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; }

bool is_sound(const cookie& what) {
    return is_token(what.name) && std::ranges::all_of(what.value, is_octet) &&
           what.name.size() + what.value.size() <= max_cookie_size &&
           (what.secure || !what.name.starts_with(host_prefix));
}

}  // namespace

result<std::optional<std::string_view>> find_cookie(const request_head& head, std::string_view name) {
    std::optional<std::string_view> found;
    for (const auto& line : head.headers()) {
        if (!iequals(line.name, "Cookie")) continue;
        for (const auto piece : split(line.value, ';')) {
            const auto pair = trim(piece);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
            if (found) return fail(errc::malformed_request, fmt::format("more than one cookie {}", name));
            found = trim(pair.substr(equals + 1));
        }
    }
    return found;
}

std::string set_cookie(const cookie& what) {
    if (!is_sound(what)) throw std::logic_error(fmt::format("no browser keeps this cookie {}", what.name));
    return fmt::format("{}={}; Max-Age={}; Path=/; HttpOnly; SameSite=Lax{}", what.name, what.value,
                       what.max_age.count(), what.secure ? "; Secure" : "");
}

}  // namespace bulkhead::http
