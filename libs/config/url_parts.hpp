// SPDX-License-Identifier: Apache-2.0
// The seams of a URL with an authority (RFC 3986 section 3), nothing decoded, and its printable form. Plain
// functions over views into the text given; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead::config {

struct url_parts {
    std::string_view scheme;
    std::string_view user;      // up to the first ':' of what stands before the '@'
    std::string_view password;  // after it
    std::string_view hosts;     // between '@' and path: one "host[:port]", or several with commas
    std::string_view path;      // with its '/'; empty: none
    std::vector<std::pair<std::string_view, std::string_view>> query;
};

/// nullopt when there is no "scheme://", a fragment, or a blank or control character.
std::optional<url_parts> split_url(std::string_view url);

struct host_port {
    std::string_view host;  // without brackets
    std::string_view port;  // empty: none
};

/// "name", "name:1", "10.0.0.1:1", "[::1]:1". nullopt when brackets or colons do not match up.
std::optional<host_port> split_host_port(std::string_view text);

/// localhost, 127.0.0.0/8 or ::1.
bool is_loopback(std::string_view host);

/// The URL with its password, and any query parameter whose name holds "password", as "***[8 chars]***"; all
/// of it hidden when it does not split.
std::string mask_url(std::string_view url);

}  // namespace bulkhead::config
