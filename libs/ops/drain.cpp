// SPDX-License-Identifier: Apache-2.0
#include "ops/drain.hpp"

#include <atomic>
#include <thread>

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
    for (;;) {
        std::atomic<std::size_t> left{0};
        std::atomic<bool> listening{false};
        reactors.run_on_each([&](std::size_t i) {
            left += server_of(i).open_connections();
            if (server_of(i).listening()) listening = true;
        });
        if (left == 0 && !listening) return true;
        if (std::chrono::steady_clock::now() >= until) {
            log::warn("shutdown timeout: cutting connections", {{"connections", left.load()}});
            reactors.run_on_each([&](std::size_t i) { server_of(i).close_all(); });
            return false;
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

}  // namespace bulkhead::ops
