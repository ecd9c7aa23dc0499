// SPDX-License-Identifier: Apache-2.0
// What every answer tells browsers, whoever makes it: the API's, the parser's refusals, errors, the ops port.
// An answer is data, not to be cached by accident, sniffed, framed, run or read by other sites. One block of
// bytes, put together by the compiler. Safe from any thread.
#pragma once

#include <string>

#include "http/response.hpp"

namespace bulkhead::http {

/// Appends the lines, but for those that the answer sets itself. `secure`: it travels over TLS, so that
/// Strict-Transport-Security means something (RFC 6797 section 7.2 forbids it on plain connections).
void append_security_headers(std::string& out, const response& answer, bool secure);

}  // namespace bulkhead::http
