// SPDX-License-Identifier: Apache-2.0
#include "ops/debug_pools.hpp"

#include <algorithm>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <iterator>
#include <tuple>

#include "base/uuid.hpp"
#include "runtime/ask_each.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::chrono::seconds patience{1};

template <class T>
std::int64_t number(T value) {
    return static_cast<std::int64_t>(value);
}

pool_sums sums_of(const postgres::pool_totals& t) {
    return {.budget = number(t.budget),
            .open = number(t.open),
            .waiting = number(t.waiting),
            .hungry = number(t.hungry),
            .failing = number(t.failing),
            .opened = number(t.opened),
            .closed = number(t.closed),
            .stolen = number(t.stolen),
            .timed_out_waiting = number(t.timed_out_waiting),
            .connect_failures = number(t.connect_failures),
            .refused = number(t.refused)};
}

void add(pool_sums& to, const pool_sums& more) {
    boost::mp11::mp_for_each<boost::describe::describe_members<pool_sums, boost::describe::mod_public>>(
        [&](auto member) { to.*member.pointer += more.*member.pointer; });
}

std::string name_of(const std::string& key, const tenancy::registry& tenants) {
    const auto id = uuid::parse(key);
    const auto* const slug = id ? tenants.slug_of(*id) : nullptr;
    return slug ? *slug : key;
}

pool_line line_of(postgres::pool_report&& each, std::size_t reactor) {
    return {.tenant = std::move(each.key),
            .reactor = number(reactor),
            .target = std::move(each.target),
            .connections = number(each.connections),
            .connecting = number(each.connecting),
            .idle = number(each.idle),
            .in_flight = number(each.in_flight),
            .waiting = number(each.waiting),
            .longest_wait_ms = each.longest_wait.count(),
            .opened = number(each.opened),
            .failing = each.failing,
            .retired = each.retired,
            .last_failure = std::move(each.last_failure),
            .retry_in_ms = each.retry_in.count()};
}

/// Keeps those that an operator looks for: who waits, who fails, who has much to do.
std::size_t keep_busiest(std::vector<pool_line>& lines) {
    const auto rank = [](const pool_line& l) {
        return std::tuple(l.waiting, l.failing, l.in_flight, l.connections, l.opened);
    };
    const auto kept = std::min(lines.size(), debug_pools::most_lines);
    std::ranges::partial_sort(lines, lines.begin() + number(kept), std::ranges::greater{}, rank);
    const auto left_out = lines.size() - kept;
    lines.resize(kept);
    return left_out;
}

// GET /debug/pools
awaitable<result<pools_page>> get_pools(http::exchange& x) {
    co_return co_await x.service<debug_pools>().collect();
}

}  // namespace

void debug_pools::add(executor home, const postgres::pool_set& pools, const tenancy::registry& tenants) {
    reactors_.push_back(home);
    sources_.push_back({&pools, &tenants});
}

debug_pools::answer debug_pools::ask(const source& of, std::size_t index) {
    auto report = of.pools->report();
    answer out{.sums = sums_of(report.totals), .lines = {}, .left_out = 0};
    for (auto& each : report.pools) out.lines.push_back(line_of(std::move(each), index));
    out.left_out = keep_busiest(out.lines);
    for (auto& each : out.lines) each.tenant = name_of(each.tenant, *of.tenants);
    return out;
}

awaitable<pools_page> debug_pools::collect() const {
    pools_page page{.budget = why_()};
    std::function<answer(std::size_t)> question = [this](std::size_t i) { return ask(sources_[i], i); };
    auto answers =
        co_await runtime::ask_each(reactors_, std::move(question), runtime::deadline::in(patience));
    for (auto& each : answers) {
        if (!each) {
            ++page.silent_reactors;
            continue;
        }
        ops::add(page.totals, each->sums);
        page.reactors.push_back(each->sums);
        page.left_out += number(each->left_out);
        std::ranges::move(each->lines, std::back_inserter(page.pools));
    }
    page.left_out += number(keep_busiest(page.pools));
    co_return page;
}

void mount_debug_pools(http::router& routes) {
    routes.get<get_pools>("/debug/pools",
                          {.id = "getPools", .summary = "Who has the database connections", .tag = "ops"});
}

void add_pool_metrics(metrics::registry& to, const postgres::pool_set& pools) {
    const auto gauge = [&](std::string_view name, std::string_view help, const metrics::gauge& value,
                           std::string_view labels = {}) {
        to.add_gauge_sampler(
            name, help, [&value] { return value.value(); }, labels);
    };
    const auto counter = [&](std::string_view name, std::string_view help, const metrics::counter& value) {
        to.add_counter_sampler(name, help, [&value] { return static_cast<double>(value.value()); });
    };
    const auto& now = pools.gauges();
    constexpr std::string_view connections = "bulkhead_db_connections",
                               about = "Database connections by state";
    gauge(connections, about, now.idle, metrics::label("state", "idle"));
    gauge(connections, about, now.busy, metrics::label("state", "busy"));
    gauge(connections, about, now.connecting, metrics::label("state", "connecting"));
    gauge("bulkhead_db_connections_budget", "Database connections this process may open", now.budget);
    gauge("bulkhead_db_waiting", "Operations that wait for a database connection", now.waiting);
    gauge("bulkhead_db_breakers_open", "Databases whose operations are refused at once", now.failing);
    const auto& since_start = pools.counters();
    counter("bulkhead_db_connects_total", "Database connections opened", since_start.opened);
    counter("bulkhead_db_connect_failures_total", "Attempts to open one that failed",
            since_start.connect_failures);
    counter("bulkhead_db_stolen_total", "Connections taken from one database for another",
            since_start.stolen);
    counter("bulkhead_db_wait_timeouts_total", "Operations that got no connection in time",
            since_start.timed_out_waiting);
    counter("bulkhead_db_refused_total", "Operations refused at once", since_start.refused);
}

}  // namespace bulkhead::ops
