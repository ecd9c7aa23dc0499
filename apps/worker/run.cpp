// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "app.hpp"
#include "job_drain.hpp"
#include "observability/log.hpp"
#include "ops/drain.hpp"
#include "runtime/shutdown_stack.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::worker {
namespace {

/// Starts one part after the other, and puts on `stack` how each is stopped.
void start(const wired_parts& all, runtime::shutdown_stack& stack) {
    all.reactors.start();
    stack.push("reactor", [&] { all.reactors.stop(); });
    all.reactors.run_on_each([&](std::size_t) {
        all.pools.start();
        all.redis.start();
        all.feed.start();
        all.server.start({all.settings.ops_bind, all.settings.ops_port});
        all.share.start();
        all.relay.start();
        all.tools.start();
    });
    stack.push("connections", [&] {
        all.reactors.run_on_each([&](std::size_t) {
            all.feed.stop();
            all.tools.stop();
            all.relay.stop();
            all.redis.stop();
            all.pools.stop();
        });
    });
    stack.push("connection share", [&] { all.share.leave(); });
    all.job_reactors.start();
    stack.push("job reactors", [&] { all.job_reactors.stop(); });
    stack.push("threads of jobs", [&] { all.tools.stop_threads(); });
    all.heartbeat.start();
    stack.push("heartbeat", [&] { all.heartbeat.stop(); });
    all.job_reactors.run_on_each([&](std::size_t i) { all.parts[i]->start(); });
    stack.push("jobs", [&] { all.job_reactors.run_on_each([&](std::size_t i) { all.parts[i]->stop(); }); });
    all.housekeeping.start();
}

std::chrono::milliseconds left_until(steady_clock::time_point until) {
    const auto time = std::max(until - steady_clock::now(), steady_clock::duration::zero());
    return std::chrono::ceil<std::chrono::milliseconds>(time);
}

/// Whether all that was under way has ended. What cannot be interrupted is left: a step of recorded work,
/// with which the next worker goes on, and a handler that does not end, whose job has been given back.
bool finish(const wired_parts& all) {
    const auto& s = all.settings;
    const auto begun = steady_clock::now();
    const auto end = begun + s.shutdown_drain_delay + s.shutdown_timeout;
    all.state.draining = true;
    all.housekeeping.ask_to_stop();
    begin_drain(all.job_reactors, all.parts);
    all.tools.webhooks().stop_by(begun + divide(s.shutdown_timeout).to_finish);
    const bool ended =
        drain_jobs(all.job_reactors, all.parts, s.shutdown_timeout, [&] { all.tools.ask_to_stop(); });
    ops::drain(all.state, all.reactors, [&](std::size_t) -> http::server& { return all.server; },
               {.delay = left_until(begun + s.shutdown_drain_delay), .timeout = left_until(end)});
    const bool kept_house = all.housekeeping.stop_within(left_until(end));
    const bool called = all.tools.webhooks().stop_within(left_until(end));
    all.reports.stop(left_until(end));
    if (ended && kept_house && called) return true;
    log::warn("stopped while work was under way",
              {{"jobs", !ended}, {"tenants", !kept_house}, {"webhooks", !called}});
    return false;
}

}  // namespace

int run_until_stopped(const wired_parts& all) {
    runtime::shutdown_stack stack;
    start(all, stack);
    log::info("listening", {{"ops_port", all.settings.ops_port}});

    const auto status = fmt::format("listening on the operator's port {}", all.settings.ops_port);
    service::keep_watchdog_quiet(all.notify, all.reactors);
    all.notify.ready(status);
    all.signals.on_reload([&] {
        all.notify.reloading();
        service::reload(program);
        all.notify.ready(status);
    });
    all.signals.wait();
    all.notify.stopping("finishing what is under way", service::longest_stop(all.settings));
    if (!finish(all)) {
        log::stop();
        std::_Exit(service::exit_ok);  // what it uses must not be destroyed
    }
    stack.unwind();
    log::info("stopped");
    return service::exit_ok;
}

}  // namespace bulkhead::worker
