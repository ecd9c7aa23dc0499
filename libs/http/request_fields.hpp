// SPDX-License-Identifier: Apache-2.0
// The header lines of a request (RFC 9112 section 5) and what they say about body and connection (section 6,
// 9). A pure function over the complete section; the views it stores point into the argument.
#pragma once

#include <string_view>

#include "http/read_outcome.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

/// Parses `section`, in which every line, the last one too, ends with CRLF, into `out`, whose request line is
/// already there. Strict where the RFCs leave a choice:
/// - 400: line folding, blanks around a name, an empty name, control characters, more or fewer Host lines
/// than one
///   (HTTP/1.0: none is fine), Content-Length that is a list, repeated, signed, zero-padded or over 19
///   digits, Transfer-Encoding beside Content-Length, in HTTP/1.0, repeated, empty, or with a coding behind
///   chunked.
/// - 501: any other transfer coding than exactly "chunked". 417: any expectation but 100-continue. 431: over
/// max_header_count lines.
[[nodiscard]] checked parse_request_fields(std::string_view section, request_head& out);

}  // namespace bulkhead::http
