// SPDX-License-Identifier: Apache-2.0
// URLs that customers give us to call. Read strictly: what two parsers could understand differently (users,
// fragments, backslashes, numbers that some resolvers take for addresses) is refused, so that what we check
// is what we call. Plain values and functions, safe from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "outbound/address_rules.hpp"

namespace bulkhead::outbound {

/// Why a URL is not called. Fit for fail_field(): nothing in it that the customer did not say.
struct refusal {
    std::string
        code;  // stable: "invalid_url", "url_scheme", "url_user", "url_port", "url_host", "url_address"
    std::string detail;  // for people
};

/// An http or https URL in its parts (RFC 3986 section 3).
struct url {
    bool encrypted = true;
    std::string host{};                   // lower case, without brackets
    std::optional<ip_address> address{};  // when `host` is one
    std::uint16_t port = 0;               // never 0
    std::string target{};                 // path and query as they came, begins with '/'

    /// The whole URL, with its port.
    [[nodiscard]] std::string text() const;
};

/// At most 2048 characters that RFC 3986 allows, no user, no fragment. The host is a name of letters, digits
/// and hyphens (others as xn--), an IPv4 address of four plain decimal numbers or an IPv6 address in brackets
/// without a zone. The port is 80, 443 or 1024 and above: below that live protocols that are not ours.
/// http:// only with `plain_too`.
[[nodiscard]] std::expected<url, refusal> parse_url(std::string_view text, bool plain_too);

}  // namespace bulkhead::outbound
