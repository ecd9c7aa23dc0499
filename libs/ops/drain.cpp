// SPDX-License-Identifier: Apache-2.0
#include "ops/drain.hpp"

#include <numeric>
#include <thread>
#include <vector>

#include "observability/log.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::chrono::milliseconds poll_interval{20};

}  // namespace

bool drain(program_state& state, runtime::reactor_group& reactors,
           const std::function<http::server&(std::size_t)>& server_of, const drain_plan& plan) {
    state.draining = true;
    log::info("shutting down: not ready any more");
    std::this_thread::sleep_for(plan.delay);
    reactors.run_on_each([&](std::size_t i) { server_of(i).drain(); });
    const auto until = std::chrono::steady_clock::now() + plan.timeout;
    std::vector<std::size_t> open(reactors.size());
    for (;;) {
        reactors.run_on_each([&](std::size_t i) { open[i] = server_of(i).open_connections(); });
        const auto left = std::accumulate(open.begin(), open.end(), std::size_t{0});
        if (left == 0) return true;
        if (std::chrono::steady_clock::now() >= until) {
            log::warn("shutdown timeout: cutting connections", {{"connections", left}});
            reactors.run_on_each([&](std::size_t i) { server_of(i).close_all(); });
            return false;
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

}  // namespace bulkhead::ops
