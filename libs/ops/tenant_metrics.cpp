// SPDX-License-Identifier: Apache-2.0
#include "ops/tenant_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "observability/metrics.hpp"
#include "runtime/ask_each.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::chrono::seconds patience{1};

void add(std::array<std::uint64_t, 5>& to, const std::array<std::uint64_t, 5>& more) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}

void append_family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void append_gauge(std::string& out, std::string_view name, std::string_view help, const tenant_table& table,
                  std::size_t tenant_numbers::*number) {
    append_family(out, name, "gauge", help);
    for (const auto& [slug, numbers] : table)
        fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, metrics::label("tenant", slug),
                       numbers.*number);
}

}  // namespace

tenant_numbers& tenant_numbers::operator+=(const tenant_numbers& more) {
    add(answers, more.answers);
    connections += more.connections;
    waiting += more.waiting;
    in_flight += more.in_flight;
    return *this;
}

void tenant_metrics::count(std::string_view tenant, unsigned status) {
    const auto group = std::clamp(status / 100, 1u, 5u) - 1;
    auto at = by_slug_.find(tenant);
    if (at == by_slug_.end()) {
        if (by_slug_.size() >= most_tenants) {
            ++others_[group];
            return;
        }
        at = by_slug_.emplace(tenant, counted{}).first;
    }
    ++at->second.answers[group];
    at->second.last = steady_clock::now();
}

tenant_table tenant_metrics::take(steady_clock::time_point now) {
    std::erase_if(by_slug_, [&](const auto& each) {
        if (now - each.second.last <= most_silence) return false;
        add(others_, each.second.answers);
        return true;
    });
    tenant_table out;
    for (const auto& [slug, each] : by_slug_) out[slug].answers = each.answers;
    for (const auto& each : pools_.report().pools) {
        const auto id = uuid::parse(each.key);
        if (!id) continue;  // the control database
        const auto* const slug = tenants_.slug_of(*id);
        const bool named = slug && (out.contains(*slug) || out.size() < most_tenants);
        auto& numbers = out[named ? *slug : std::string(other_tenants)];
        numbers.connections += each.connections;
        numbers.waiting += each.waiting;
        numbers.in_flight += each.in_flight;
    }
    add(out[std::string(other_tenants)].answers, others_);
    return out;
}

std::string render(const tenant_table& table) {
    std::string out;
    constexpr std::string_view answers = "bulkhead_tenant_responses_total";
    append_family(out, answers, "counter", "Responses to requests of a tenant by status class");
    for (const auto& [slug, numbers] : table)
        for (std::size_t i = 0; i < numbers.answers.size(); ++i)
            if (numbers.answers[i] > 0)
                fmt::format_to(std::back_inserter(out), "{}{{{},class=\"{}xx\"}} {}\n", answers,
                               metrics::label("tenant", slug), i + 1, numbers.answers[i]);
    append_gauge(out, "bulkhead_tenant_connections", "Connections to a tenant's database", table,
                 &tenant_numbers::connections);
    append_gauge(out, "bulkhead_tenant_waiting", "Operations that wait for a connection", table,
                 &tenant_numbers::waiting);
    append_gauge(out, "bulkhead_tenant_in_flight", "Operations that a tenant's database works on", table,
                 &tenant_numbers::in_flight);
    return out;
}

awaitable<result<std::string>> tenant_page::text() {
    std::function<tenant_table(std::size_t)> question = [this](std::size_t i) {
        return parts_[i]->take(steady_clock::now());
    };
    const auto tables =
        co_await runtime::ask_each(reactors_, std::move(question), runtime::deadline::in(patience));
    tenant_table sum;
    for (const auto& each : tables) {
        if (!each) co_return fail(errc::unavailable, "a reactor is held up");
        for (const auto& [slug, numbers] : *each) sum[slug] += numbers;
    }
    co_return render(sum);
}

}  // namespace bulkhead::ops
