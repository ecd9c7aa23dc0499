// SPDX-License-Identifier: Apache-2.0
#include "ops/debug_requests.hpp"

#include <algorithm>
#include <functional>

#include "runtime/ask_each.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::chrono::seconds patience{1};

std::int64_t number(std::size_t value) { return static_cast<std::int64_t>(value); }

request_line line_of(http::request_report&& each, std::size_t reactor, steady_clock::time_point now) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - each.began);
    return {.id = std::move(each.id),
            .age_ms = std::max<std::int64_t>(0, age.count()),
            .phase = std::string(http::request_phase_names[static_cast<std::size_t>(each.phase)]),
            .method = std::move(each.method),
            .route = std::string(each.row ? each.row->path : std::string_view()),
            .tenant = std::move(each.tenant),
            .user = std::move(each.user),
            .client = each.client.to_string(),
            .reactor = number(reactor)};
}

void add(phase_counts& to, const std::array<std::size_t, http::request_phases>& more) {
    using enum http::request_phase;
    const auto of = [&](http::request_phase phase) { return number(more[static_cast<std::size_t>(phase)]); };
    to.head += of(head);
    to.body += of(body);
    to.serving += of(serving);
    to.writing += of(writing);
}

// GET /debug/requests
awaitable<result<requests_page>> get_requests(http::exchange& x) {
    co_return co_await x.service<debug_requests>().collect();
}

}  // namespace

void debug_requests::add(executor home, const http::server& server) {
    reactors_.push_back(home);
    servers_.push_back(&server);
}

awaitable<requests_page> debug_requests::collect() const {
    requests_page page;
    std::function<answer(std::size_t)> question = [this](std::size_t i) {
        return answer{.connections = servers_[i]->open_connections(),
                      .report = servers_[i]->report(most_lines)};
    };
    auto answers =
        co_await runtime::ask_each(reactors_, std::move(question), runtime::deadline::in(patience));
    const auto now = steady_clock::now();
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (!answers[i]) {
            ++page.silent_reactors;
            continue;
        }
        page.connections += number(answers[i]->connections);
        ops::add(page.phases, answers[i]->report.in_phase);
        for (auto& each : answers[i]->report.oldest)
            page.requests.push_back(line_of(std::move(each), i, now));
    }
    std::ranges::stable_sort(page.requests, std::ranges::greater{}, &request_line::age_ms);
    if (page.requests.size() > most_lines) page.requests.resize(most_lines);
    const auto& p = page.phases;
    page.left_out = p.head + p.body + p.serving + p.writing - number(page.requests.size());
    co_return page;
}

void mount_debug_requests(http::router& routes) {
    routes.get<get_requests>("/debug/requests",
                             {.id = "getRequests", .summary = "What is under way", .tag = "ops"});
}

}  // namespace bulkhead::ops
