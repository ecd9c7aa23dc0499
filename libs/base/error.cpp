// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <array>
#include <cassert>

namespace bulkhead {
namespace {

constexpr std::array descriptions{
    error_description{errc::malformed_request, "malformed-request", "The request cannot be parsed", 400},
    error_description{errc::validation_failed, "validation-failed", "The request is not valid", 422},
    error_description{errc::unauthenticated, "unauthenticated", "Authentication is required", 401},
    error_description{errc::invalid_credentials, "invalid-credentials", "E-mail or password is wrong", 401},
    error_description{errc::forbidden, "forbidden", "This is not allowed", 403},
    error_description{errc::tenant_unknown, "tenant-unknown", "There is no such tenant", 404},
    error_description{errc::tenant_mismatch, "tenant-mismatch", "The request names different tenants", 403},
    error_description{errc::tenant_suspended, "tenant-suspended", "The tenant is suspended", 403},
    error_description{errc::quota_exceeded, "quota-exceeded", "The tenant's quota is used up", 403},
    error_description{errc::not_found, "not-found", "There is nothing here", 404},
    error_description{errc::method_not_allowed, "method-not-allowed", "This path has other methods", 405},
    error_description{errc::request_timeout, "request-timeout", "The request took too long to arrive", 408},
    error_description{errc::conflict, "conflict", "The current state forbids this", 409},
    error_description{errc::email_taken, "email-taken", "This e-mail address is taken", 409},
    error_description{errc::idempotency_running, "idempotency-in-progress",
                      "The same request is being worked on", 409},
    error_description{errc::idempotency_gone, "idempotency-answer-gone",
                      "The request was done before, its answer is not kept", 409},
    error_description{errc::idempotency_reused, "idempotency-key-reused",
                      "This Idempotency-Key belongs to another request", 422},
    error_description{errc::precondition_failed, "precondition-failed", "The resource has changed", 412},
    error_description{errc::content_too_large, "content-too-large", "The request body is too large", 413},
    error_description{errc::uri_too_long, "uri-too-long", "The request target is too long", 414},
    error_description{errc::unsupported_media_type, "unsupported-media-type",
                      "This media type is not understood", 415},
    error_description{errc::expectation_failed, "expectation-failed", "The expectation cannot be met", 417},
    error_description{errc::too_many_requests, "rate-limited", "Too many requests", 429},
    error_description{errc::headers_too_large, "headers-too-large", "The request header section is too large",
                      431},
    error_description{errc::internal, "internal", "Something went wrong on our side", 500},
    error_description{errc::not_implemented, "not-implemented", "This server does not implement that", 501},
    error_description{errc::unavailable, "unavailable", "The service cannot answer right now", 503},
    error_description{errc::deadline_exceeded, "deadline-exceeded", "The request ran out of time", 504},
    error_description{errc::version_not_supported, "http-version-not-supported",
                      "This version of HTTP is not spoken here", 505},
};

constexpr bool in_enum_order() {
    for (std::size_t i = 0; i < descriptions.size(); ++i)
        if (static_cast<std::size_t>(descriptions[i].code) != i) return false;
    return descriptions.size() == static_cast<std::size_t>(errc::version_not_supported) + 1;
}
static_assert(in_enum_order(), "one row per errc, in the order of the enum");

}  // namespace

const error_description& describe(errc code) noexcept { return descriptions[static_cast<std::size_t>(code)]; }

std::vector<error_description> all_error_descriptions() { return {descriptions.begin(), descriptions.end()}; }

std::unexpected<error> fail(errc code, std::string detail) {
    return std::unexpected(error{.code = code, .detail = std::move(detail)});
}

std::unexpected<error> fail_field(std::string pointer, std::string code, std::string detail) {
    error e{.code = errc::validation_failed};
    e.fields.push_back({std::move(pointer), std::move(code), std::move(detail)});
    return std::unexpected(std::move(e));
}

}  // namespace bulkhead
