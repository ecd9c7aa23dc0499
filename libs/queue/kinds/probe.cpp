// SPDX-License-Identifier: Apache-2.0
#include "queue/kinds/probe.hpp"

namespace bulkhead::queue {

awaitable<run_outcome> probe::run(job_context&, payload what) {
    json::object out;
    out["note"] = what.note->str();
    co_return out;
}

awaitable<run_outcome> ping::run(job_context&, payload) { co_return json::value(); }

}  // namespace bulkhead::queue
