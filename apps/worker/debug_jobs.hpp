// SPDX-License-Identifier: Apache-2.0
// GET /debug/jobs: what this process runs right now, the oldest first. Gathered from all reactors when asked;
// one that a handler keeps busy is told as silent. Names tenants, so for the operator's port only.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "http/router.hpp"
#include "queue/runner.hpp"
#include "schema/schema.hpp"

namespace bulkhead::worker {

struct job_line {
    uuid id;
    std::string kind;
    std::string lane;
    std::string tenant;  // slug
    std::int64_t attempt = 1;
    std::int64_t age_ms = 0;
    std::optional<std::int64_t> progress{};  // percent
    std::string note;
    std::string stop;  // why it was asked to: "", "cancelled", "time_up", "shutdown", "lost"
    bool abandoned = false;
    std::int64_t reactor = 0;
};
BOOST_DESCRIBE_STRUCT(job_line, (),
                      (id, kind, lane, tenant, attempt, age_ms, progress, note, stop, abandoned, reactor))

struct jobs_page {
    std::int64_t running = 0;
    std::int64_t silent_reactors = 0;  // that did not answer within a second
    std::vector<job_line> jobs{};
    std::int64_t left_out = 0;  // jobs that are not listed
};
BOOST_DESCRIBE_STRUCT(jobs_page, (), (running, silent_reactors, jobs, left_out))

class debug_jobs {
public:
    static constexpr std::size_t most_lines = 200;

    /// While the program is wired; the runner must live as long as the reactors run.
    void add(executor home, const queue::runner& one);

    /// On the reactor that serves the page.
    [[nodiscard]] awaitable<jobs_page> collect() const;

private:
    std::vector<executor> reactors_;
    std::vector<const queue::runner*> runners_;
};

/// The handler uses the service worker::debug_jobs.
void mount_debug_jobs(http::router& routes);

}  // namespace bulkhead::worker
