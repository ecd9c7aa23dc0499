// SPDX-License-Identifier: Apache-2.0
#include "exercise.hpp"

#include <csignal>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/fail_point.hpp"

namespace bulkhead::worker {
namespace {

/// False: it was asked to stop and obeys.
awaitable<bool> wait(queue::job_context& job, std::int64_t ms, bool deaf) {
    constexpr std::chrono::milliseconds step{20};
    steady_timer timer(co_await net::this_coro::executor);
    const auto end = steady_clock::now() + std::chrono::milliseconds(ms);
    while (steady_clock::now() < end) {
        if (!deaf && job.control().stop_requested()) co_return false;
        timer.expires_after(step);
        co_await timer.async_wait(use_tuple);
    }
    co_return true;
}

void spin() {
    const auto end = steady_clock::now() + std::chrono::seconds(25);
    while (steady_clock::now() < end) {
    }
}

/// Every page of it is written to, or it would be none.
std::unique_ptr<std::vector<char>> take_memory(std::int64_t mib) {
    return std::make_unique<std::vector<char>>(static_cast<std::size_t>(mib) << 20, 'x');
}

awaitable<queue::run_outcome> act(queue::job_context& job, exercise_payload what) {
    job.control().progress(10, "begun");
    auto memory = take_memory(what.hog->value());
    if (*what.leak) (void)memory.release();
    const bool waited = co_await wait(job, what.before->value(), *what.deaf);
    if (!waited) co_return queue::try_again("asked to stop");
    if (*what.effect) {
        const auto done = co_await job.db().write("insert into exercise_effects (job) values ($1)", job.id());
        if (!done) co_return queue::failed_with(done.error());
        fail_point("exercise.written");
    }
    job.control().progress(50, "written");
    const bool waited_again = co_await wait(job, what.after->value(), *what.deaf);
    if (!waited_again) co_return queue::try_again("asked to stop");
    const auto good_from = what.until_attempt->value();
    const bool good = good_from > 0 && job.attempt() >= static_cast<std::uint64_t>(good_from);
    switch (good ? exercise_end::succeed : *what.end) {
        case exercise_end::fail: co_return queue::try_again("told to fail");
        case exercise_end::give_up: co_return queue::give_up("told to give up");
        case exercise_end::exception: throw std::runtime_error("told to throw");
        case exercise_end::spin: spin(); break;
        case exercise_end::crash: std::raise(SIGKILL); break;
        case exercise_end::succeed: break;
    }
    json::object out;
    out["attempt"] = job.attempt();
    co_return out;
}

}  // namespace

awaitable<queue::run_outcome> exercise::run(queue::job_context& job, payload what) { return act(job, what); }

awaitable<queue::run_outcome> long_exercise::run(queue::job_context& job, payload what) {
    return act(job, what);
}

awaitable<queue::run_outcome> light_exercise::run(queue::job_context& job, payload what) {
    return act(job, what);
}

}  // namespace bulkhead::worker
