// SPDX-License-Identifier: Apache-2.0
// Errors as application/problem+json (RFC 9457). The only place where an error becomes an HTTP answer.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "http/response.hpp"

namespace bulkhead::http {

inline constexpr std::string_view problem_content_type = "application/problem+json";

/// The answer for `failure`: status and title from its row, `type` = /problems/<name>, WWW-Authenticate on
/// 401, Retry-After on 503.
response problem_response(const error& failure, std::string_view request_id);

}  // namespace bulkhead::http
