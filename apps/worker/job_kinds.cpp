// SPDX-License-Identifier: Apache-2.0
#include "job_kinds.hpp"

namespace bulkhead::worker {

job_kinds::job_kinds(const config::settings& s, const std::function<void(queue::handlers&)>& also)
    : retention_({.succeeded = s.queue_keep_succeeded, .failed = s.queue_keep_failed}) {
    all_.add(probe_);
    all_.add(ping_);
    all_.add(retention_);
    if (also) also(all_);
    if (s.env != config::environment::test) return;
    all_.add(exercise_.emplace());
    all_.add(light_exercise_.emplace());
}

std::vector<queue::schedule> schedules() {
    std::vector<queue::schedule> out;
    out.push_back(queue::retention::daily());
    return out;
}

}  // namespace bulkhead::worker
