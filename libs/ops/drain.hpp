// SPDX-License-Identifier: Apache-2.0
// The first half of a shutdown: stop being ready, give balancers time to notice, let requests finish. Called
// on the main thread.
#pragma once

#include <chrono>
#include <functional>

#include "http/server.hpp"
#include "ops/health.hpp"
#include "runtime/reactor.hpp"

namespace bulkhead::ops {

struct drain_plan {
    std::chrono::milliseconds delay;    // between "not ready" and the end of accepting
    std::chrono::milliseconds timeout;  // for the requests under way
};

/// `server_of(i)` is the server of reactor i. True: every connection ended by itself; false: the rest was
/// cut.
bool drain(program_state& state, runtime::reactor_group& reactors,
           const std::function<http::server&(std::size_t)>& server_of, const drain_plan& plan);

}  // namespace bulkhead::ops
