// SPDX-License-Identifier: Apache-2.0
#include "tenancy/usage.hpp"

#include <algorithm>
#include <cmath>

#include "http/route.hpp"
#include "persistence/redis/script.hpp"

namespace bulkhead::tenancy {
namespace {

using std::chrono::milliseconds;

/// sliding_count::take by the clock of Redis. KEYS: the count. ARGV: limit, window in ms. Gives the ms to
/// wait, 0 when the request is counted.
const redis::script& take_script() {
    static const redis::script text(R"lua(
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local index, inside = math.floor(now / window), now % window
local state = redis.call('HMGET', KEYS[1], 'index', 'current', 'previous')
local current, previous = tonumber(state[2] or 0), tonumber(state[3] or 0)
local known = tonumber(state[1] or -1)
if known ~= index then
    previous = known == index - 1 and current or 0
    current = 0
end
if previous * (1 - inside / window) + current + 1 <= limit then
    redis.call('HSET', KEYS[1], 'index', index, 'current', current + 1, 'previous', previous)
    redis.call('PEXPIRE', KEYS[1], 2 * window)
    return 0
end
local free
if current + 1 <= limit then
    free = window * (1 - (limit - current - 1) / previous)
else
    free = window + window * (1 - (limit - 1) / current)
end
return math.max(1, math.ceil(free - inside))
)lua");
    return text;
}

/// sliding_count::count by the clock of Redis. KEYS: the count. ARGV: window in ms.
const redis::script& count_script() {
    static const redis::script text(R"lua(
local window = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local index, inside = math.floor(now / window), now % window
local state = redis.call('HMGET', KEYS[1], 'index', 'current', 'previous')
local known, current, previous = tonumber(state[1] or -1), tonumber(state[2] or 0), tonumber(state[3] or 0)
local part = 1 - inside / window
if known == index then return math.ceil(previous * part + current) end
if known == index - 1 then return math.ceil(current * part) end
return 0
)lua");
    return text;
}

std::string key_of(const uuid& tenant) { return "bh:rpm:" + tenant.to_string(); }

bool may_add_data(http::verb method) {
    return method == http::verb::post || method == http::verb::put || method == http::verb::patch;
}

metrics::counter& refusals(metrics::registry& in, std::string_view quota) {
    return in.add_counter("bulkhead_quota_refusals_total", "Requests refused because of a tenant's limits",
                          metrics::label("quota", quota));
}

}  // namespace

std::optional<milliseconds> sliding_count::take(std::int64_t limit, milliseconds now, milliseconds window) {
    const auto index = now / window;
    if (index != index_) {
        previous_ = index == index_ + 1 ? current_ : 0;
        current_ = 0;
        index_ = index;
    }
    const auto whole = static_cast<double>(window.count());
    const auto inside = static_cast<double>((now % window).count());
    if (static_cast<double>(previous_) * (1 - inside / whole) + static_cast<double>(current_ + 1) <=
        static_cast<double>(limit)) {
        ++current_;
        return std::nullopt;
    }
    // When enough of what is behind us has left the window; of the current requests only after its end.
    const auto left = static_cast<double>(limit - 1);
    const auto free =
        current_ < limit
            ? whole * (1 - (left - static_cast<double>(current_)) / static_cast<double>(previous_))
            : whole + whole * (1 - left / static_cast<double>(current_));
    return milliseconds{std::max<std::int64_t>(1, std::llround(std::ceil(free - inside)))};
}

std::int64_t sliding_count::count(milliseconds now, milliseconds window) const {
    const auto index = now / window;
    const auto part = 1 - static_cast<double>((now % window).count()) / static_cast<double>(window.count());
    if (index == index_)
        return std::llround(std::ceil(static_cast<double>(previous_) * part + static_cast<double>(current_)));
    if (index == index_ + 1) return std::llround(std::ceil(static_cast<double>(current_) * part));
    return 0;
}

usage_quotas::usage_quotas(redis::redis_client& shared, metrics::registry& counts, quota_settings settings)
    : shared_(shared),
      too_many_(refusals(counts, "requests_per_minute")),
      no_room_(refusals(counts, "storage_bytes")),
      settings_(settings) {}

awaitable<result<>> usage_quotas::count_request(const tenant& of, trace::recorder_ptr recording) {
    if (!of.limits.requests_per_minute) co_return result<>{};
    auto wait = settings_.window;
    if (const auto limit = of.limits.requests_per_minute->value(); limit > 0)
        wait = co_await wait_for(of.id, limit, std::move(recording));
    if (wait == milliseconds::zero()) co_return result<>{};
    too_many_.add();
    error why{.code = errc::too_many_requests,
              .detail = "the tenant has used up its requests per minute",
              .retry_after = std::chrono::ceil<std::chrono::seconds>(wait)};
    co_return std::unexpected(std::move(why));
}

awaitable<milliseconds> usage_quotas::wait_for(const uuid& id, std::int64_t limit,
                                               trace::recorder_ptr recording) {
    if (shared_.connected()) {
        std::vector<std::string> keys{key_of(id)};
        std::vector<std::string> arguments{std::to_string(limit), std::to_string(settings_.window.count())};
        const auto answer = co_await shared_.run(take_script(), std::move(keys), std::move(arguments),
                                                 redis::usual_limit, std::move(recording));
        if (const auto wait = answer ? answer->integer() : std::nullopt) co_return milliseconds{*wait};
    }
    co_return count_here(id, limit);
}

milliseconds usage_quotas::count_here(const uuid& id, std::int64_t limit) {
    const auto now = std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
    if (here_.size() >= settings_.most_tenants)
        std::erase_if(here_, [&](const auto& each) { return each.second.over(now, settings_.window); });
    if (here_.size() >= settings_.most_tenants && !here_.contains(id)) return milliseconds::zero();
    const auto part = (limit + settings_.reactors - 1) / settings_.reactors;
    return here_[id].take(part, now, settings_.window).value_or(milliseconds::zero());
}

awaitable<std::optional<std::int64_t>> usage_quotas::requests_counted(const tenant& of) {
    if (!of.limits.requests_per_minute) co_return std::nullopt;
    if (shared_.connected()) {
        std::vector<std::string> keys{key_of(of.id)};
        std::vector<std::string> arguments{std::to_string(settings_.window.count())};
        const auto answer = co_await shared_.run(count_script(), std::move(keys), std::move(arguments));
        if (const auto counted = answer ? answer->integer() : std::nullopt) co_return counted;
    }
    const auto here = here_.find(of.id);
    const auto now = std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
    co_return here == here_.end() ? 0 : here->second.count(now, settings_.window);
}

result<> usage_quotas::check_storage(const tenant& of, const http::exchange& x) {
    const auto& limit = of.limits.storage_bytes;
    if (!limit || of.storage_bytes <= limit->value() || !may_add_data(x.head().method)) return {};
    if (x.operation() && !x.operation()->needs_room) return {};
    no_room_.add();
    return fail(errc::quota_exceeded, "the tenant's storage is used up: delete something first");
}

}  // namespace bulkhead::tenancy
