// SPDX-License-Identifier: Apache-2.0
// The answer to a conditional GET (RFC 9110 section 13.2) of one resource. Pure.
#pragma once

#include <string>
#include <utility>

#include "http/arguments.hpp"
#include "http/outcomes.hpp"

namespace bulkhead::http {

/// 304 when the client has this version already, else the value; errc::precondition_failed when If-Match
/// names other versions.
template <class T>
result<fresh_or_not_modified<T>> unless_known(T value, std::string etag, const preconditions& asked) {
    if (!asked.match(etag)) return fail(errc::precondition_failed);
    const bool known = asked.already_has(etag);
    return fresh_or_not_modified<T>{std::move(value), std::move(etag), known};
}

}  // namespace bulkhead::http
