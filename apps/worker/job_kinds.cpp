// SPDX-License-Identifier: Apache-2.0
#include "job_kinds.hpp"

namespace bulkhead::worker {

job_kinds::job_kinds(const config::settings& s, const std::function<void(queue::handlers&)>& also) {
    all_.add(probe_);
    all_.add(ping_);
    if (also) also(all_);
    if (s.env != config::environment::test) return;
    all_.add(exercise_.emplace());
    all_.add(light_exercise_.emplace());
}

}  // namespace bulkhead::worker
