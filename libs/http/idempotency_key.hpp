// SPDX-License-Identifier: Apache-2.0
// The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a client's name for one write,
// under which it may be sent again until an answer has come. How it is read and documented; what it does is a
// matter of whoever keeps the answers.
#pragma once

#include <string>

#include "base/error.hpp"
#include "http/operation.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

/// A write that names a key, well-formed or not. Other requests may carry the header; it says nothing there.
[[nodiscard]] bool has_idempotency_key(const request_head& head) noexcept;

/// The key of a request that has one: the draft's quoted string (section 2.1; RFC 8941 section 3.3.3), or the
/// same without quotes, as most clients send it; 1 to 255 visible characters of ASCII, between quotes blanks
/// too. errc::malformed_request for anything else, and for two of them.
[[nodiscard]] result<std::string> read_idempotency_key(const request_head& head);

/// The header and its failures, on a write.
void document_idempotency_key(operation& op, verb method);

}  // namespace bulkhead::http
