// SPDX-License-Identifier: Apache-2.0
#include "debug_jobs.hpp"

#include <algorithm>
#include <functional>

#include "runtime/ask_each.hpp"

namespace bulkhead::worker {
namespace {

constexpr std::chrono::seconds patience{1};

std::string_view stop_name(queue::stop_reason why) {
    constexpr std::array<std::string_view, 5> names{"", "cancelled", "time_up", "shutdown", "lost"};
    return names[static_cast<std::size_t>(why)];
}

job_line line_of(queue::running_job&& each, std::size_t reactor) {
    job_line out{.id = each.id,
                 .kind = std::move(each.kind),
                 .lane = std::string(queue::lane_name(each.of)),
                 .tenant = std::move(each.tenant),
                 .attempt = static_cast<std::int64_t>(each.attempt),
                 .age_ms = each.age.count(),
                 .note = std::move(each.progress.note),
                 .stop = std::string(stop_name(each.stop)),
                 .abandoned = each.abandoned,
                 .reactor = static_cast<std::int64_t>(reactor)};
    if (each.progress.percent) out.progress = *each.progress.percent;
    return out;
}

// GET /debug/jobs
awaitable<result<jobs_page>> get_jobs(http::exchange& x) {
    co_return co_await x.service<debug_jobs>().collect();
}

}  // namespace

void debug_jobs::add(executor home, const queue::runner& one) {
    reactors_.push_back(home);
    runners_.push_back(&one);
}

awaitable<jobs_page> debug_jobs::collect() const {
    using report = std::vector<queue::running_job>;
    jobs_page page;
    std::function<report(std::size_t)> question = [this](std::size_t i) { return runners_[i]->report(); };
    auto answers =
        co_await runtime::ask_each(reactors_, std::move(question), runtime::deadline::in(patience));
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (!answers[i]) {
            ++page.silent_reactors;
            continue;
        }
        for (auto& each : *answers[i]) page.jobs.push_back(line_of(std::move(each), i));
    }
    page.running = static_cast<std::int64_t>(page.jobs.size());
    std::ranges::stable_sort(page.jobs, std::ranges::greater{}, &job_line::age_ms);
    if (page.jobs.size() > most_lines) page.jobs.resize(most_lines);
    page.left_out = page.running - static_cast<std::int64_t>(page.jobs.size());
    co_return page;
}

void mount_debug_jobs(http::router& routes) {
    routes.get<get_jobs>("/debug/jobs", {.id = "getRunningJobs", .summary = "What runs", .tag = "ops"});
}

}  // namespace bulkhead::worker
