// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.hpp"
#include "http/client_address.hpp"

namespace bulkhead::ratelimit {
namespace {

using std::chrono::seconds;

constexpr std::int64_t most_in_header = 999'999'999'999'999;  // RFC 9651 section 3.3.1

std::string policy_header(const subjects& of) {
    std::string out;
    for (const auto& each : of) {
        if (!out.empty()) out += ", ";
        out += each.rule->header();
    }
    return out;
}

/// One item, for the window that matters (draft-ietf-httpapi-ratelimit-headers-11 section 4).
std::string limit_header(const subjects& of, const standing& at) {
    return fmt::format(R"("{}";r={};t={})", of[at.subject].rule->name_of(at.window),
                       std::min(at.left, most_in_header), std::chrono::ceil<seconds>(at.reset).count());
}

std::unexpected<error> refusal(const subjects& of, const standing& at) {
    const auto& limit = of[at.subject].rule->windows()[at.window];
    error why{.code = errc::too_many_requests,
              .detail = fmt::format("the limit \"{}\" is {} requests in {}", of[at.subject].rule->name(),
                                    limit.count, format_duration(limit.length)),
              .retry_after = std::chrono::ceil<seconds>(at.wait)};
    return std::unexpected(std::move(why));
}

}  // namespace

gate::gate(limiter& counts, const rules& by, metrics::registry& numbers) : limiter_(counts), rules_(by) {
    for (const std::string_view name : {by.general.name(), by.auth.name(), tenant_policy})
        limited_[name] = &numbers.add_counter(
            "bulkhead_rate_limited_total", "Requests refused by a rate limit", metrics::label("class", name));
}

awaitable<result<>> gate::count_client(http::exchange& x) {
    const auto* const texts = x.operation();
    const bool is_auth = texts && texts->rate == http::rate_class::auth;
    const auto& rule = is_auth ? rules_.auth : rules_.general;
    subjects of;
    if (rule.limits()) of.push_back({&rule, key_of(rule, http::client_network_name(x.origin().client))});
    return count(x, std::move(of));
}

/// A wait that many requests share is a span of each.
awaitable<standing> gate::check(http::exchange& x, const subjects& of) {
    trace::client_span recorded(x.recording());
    if (recorded) {
        recorded->name = "EVALSHA";
        recorded->set("db.system.name", "redis");
        recorded->set("db.operation.name", "EVALSHA");
    }
    co_return co_await limiter_.check(of);
}

awaitable<result<>> gate::count(http::exchange& x, subjects of) {
    if (of.empty()) co_return result<>{};
    const auto at = co_await check(x, of);
    const bool first = !x.has_header("RateLimit");  // an earlier count is of a stricter kind
    if (first || !at.passes()) {
        x.set_header("RateLimit-Policy", policy_header(of));
        x.set_header("RateLimit", limit_header(of, at));
    }
    if (at.passes()) co_return result<>{};
    limited_.at(of[at.subject].rule->name())->add();
    co_return refusal(of, at);
}

}  // namespace bulkhead::ratelimit
