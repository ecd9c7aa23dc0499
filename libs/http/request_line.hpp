// SPDX-License-Identifier: Apache-2.0
// The first line of a request (RFC 9112 section 3) and the authority it may carry.
// Pure functions over complete lines; views they store point into the argument.
#pragma once

#include <string_view>

#include "http/read_outcome.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

/// Parses `line` (without CRLF) into method, target, path, query, version, and host for an absolute target.
/// One space between the parts, and only characters of RFC 3986 in the target, so "[", "]", "#" and bytes
/// above 0x7e are refused and every "%" begins an escape. A higher minor version is read as 1.1 (RFC 9110
/// section 2.5), another major version is 505. 501: a method this server does not know, and CONNECT and
/// TRACE.
[[nodiscard]] checked parse_request_line(std::string_view line, request_head& out);

/// uri-host [":" port] of RFC 9110 section 7.2, with a host that is not empty and a port of 0 to 65535 that
/// is not empty. No userinfo, no comma, no zone identifier, no IPvFuture.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

}  // namespace bulkhead::http
