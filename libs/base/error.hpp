// SPDX-License-Identifier: Apache-2.0
// Expected failures are values: result<T> carries either a T or one of the errors listed here.
// The list is the whole vocabulary: http maps each row to a problem document and a status, metrics use its
// name as a label. Exceptions are left for start-up and for bugs.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

/// What went wrong, as seen by whoever asked. Each value has one row in `describe`.
enum class errc {
    malformed_request,       // the bytes do not parse: framing, JSON syntax, UTF-8
    validation_failed,       // it parses, but a field is wrong; `error::fields` says which
    unauthenticated,         // no usable credentials came with the request
    invalid_credentials,     // e-mail and password do not belong together
    forbidden,               // known, but not allowed
    tenant_unknown,          // no such tenant
    tenant_mismatch,         // header, host and token name different tenants
    tenant_suspended,        // the tenant is paused
    quota_exceeded,          // the tenant has as much of it as its limits allow
    not_found,               // absent, or somebody else's
    method_not_allowed,      // the path exists, with other methods
    request_timeout,         // the client was too slow
    conflict,                // the state of the resource forbids it
    email_taken,             // an account with this address exists
    idempotency_running,     // a request with this Idempotency-Key is being worked on
    idempotency_gone,        // a request with this Idempotency-Key was done, its answer is not kept
    idempotency_reused,      // another request had this Idempotency-Key
    precondition_failed,     // If-Match named another version
    content_too_large,       // body over the route's limit
    uri_too_long,            // request line over its limit
    unsupported_media_type,  // Content-Type is not what the route takes
    expectation_failed,      // an Expect other than 100-continue
    too_many_requests,       // more requests than a limit allows: wait
    headers_too_large,       // header section over its limit
    internal,                // a bug; details are in the log only
    not_implemented,         // a transfer coding or method this server does not know
    unavailable,             // a dependency is away or a queue is full: try again
    deadline_exceeded,       // the request's time ran out while waiting
    version_not_supported,   // a major version of HTTP other than 1
};

/// The stable name and the sentence for people of one errc.
struct error_description {
    errc code;
    std::string_view name;   // kebab-case; the last segment of the problem type, and a metric label
    std::string_view title;  // one short sentence, no details
    unsigned status;         // HTTP status
};

/// The row of `code`. Never fails.
const error_description& describe(errc code) noexcept;

/// All rows, in the order of the enum.
std::vector<error_description> all_error_descriptions();

/// One wrong member of a request.
struct field_error {
    std::string pointer;  // JSON pointer (RFC 6901), or "/query/<name>" for the query string
    std::string code;     // stable, e.g. "too_long"
    std::string detail;   // for people
};

/// An expected failure. `detail` is shown to clients: never put SQL, paths, host names or secrets in it.
struct error {
    errc code = errc::internal;
    std::string detail{};
    std::vector<field_error> fields{};
    std::chrono::seconds retry_after{0};  // 0: not given
};

template <class T = void>
using result = std::expected<T, error>;

/// Shorthand for returning an error from a function that yields a result.
[[nodiscard]] std::unexpected<error> fail(errc code, std::string detail = {});

/// 422 that names a single member.
[[nodiscard]] std::unexpected<error> fail_field(std::string pointer, std::string code, std::string detail);

}  // namespace bulkhead
