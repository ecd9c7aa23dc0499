// SPDX-License-Identifier: Apache-2.0
#include "http/cors.hpp"

#include <algorithm>

#include "http/origin.hpp"
#include "http/vary.hpp"

namespace bulkhead::http {
namespace {

constexpr std::string_view allow_methods = "Access-Control-Allow-Methods";

// Beyond those that a page may always send and read. The same for every path: a list that depends on what is
// asked would make the answer depend on it as well.
constexpr std::string_view request_headers =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-ID, "
    "X-Request-Timeout-Ms, X-Tenant-ID, baggage, sentry-trace, traceparent, tracestate";
constexpr std::string_view answer_headers =
    "ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, "
    "X-Request-ID";
constexpr std::string_view seconds_remembered = "3600";

bool named(const std::vector<std::string>& origins, std::string_view origin) {
    return std::ranges::find(origins, origin) != origins.end();
}

}  // namespace

cors_policy::cors_policy(std::vector<std::string> origins)
    : origins_(std::move(origins)), anybody_(named(origins_, "*")) {}

bool cors_policy::trusts(std::string_view origin) const noexcept {
    return origin != "*" && named(origins_, origin);
}

std::string_view cors_policy::granted(const request_head& asked) const noexcept {
    if (origins_.empty()) return {};
    const auto origin = lone_value(asked, "Origin");
    if (!origin || origin->empty()) return {};
    if (anybody_) return "*";
    return trusts(*origin) ? *origin : std::string_view{};
}

std::optional<response> cors_policy::preflight(const request_head& asked, std::string_view allow) const {
    if (asked.method != verb::options || allow.empty()) return std::nullopt;
    if (!asked.find("Access-Control-Request-Method") || granted(asked).empty()) return std::nullopt;
    response out{.code = status::no_content};
    out.headers.reserve(8);
    out.header("Allow", std::string(allow));
    out.header(allow_methods, std::string(allow));
    out.header("Access-Control-Allow-Headers", std::string(request_headers));
    out.header("Access-Control-Max-Age", std::string(seconds_remembered));
    return out;
}

void cors_policy::mark(const request_head& asked, response& answer) const {
    if (origins_.empty()) return;
    if (!anybody_) vary_on(answer, "Origin");
    const auto origin = granted(asked);
    if (origin.empty()) return;
    answer.header("Access-Control-Allow-Origin", std::string(origin));
    if (!anybody_) answer.header("Access-Control-Allow-Credentials", "true");
    if (!answer.has_header(allow_methods))
        answer.header("Access-Control-Expose-Headers", std::string(answer_headers));
}

}  // namespace bulkhead::http
