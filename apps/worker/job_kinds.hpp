// SPDX-License-Identifier: Apache-2.0
// The kinds of jobs that this program knows, with their handlers: each feature adds its own here. One for
// each reactor.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "config/settings.hpp"
#include "exercise.hpp"
#include "queue/handler.hpp"
#include "queue/kinds/probe.hpp"
#include "queue/kinds/retention.hpp"

namespace bulkhead::worker {

class job_kinds {
public:
    /// `also`: adds what other programs than bulkhead-worker bring; may be empty.
    explicit job_kinds(const config::settings& s, const std::function<void(queue::handlers&)>& also = {});

    [[nodiscard]] const queue::handlers& all() const noexcept { return all_; }

private:
    queue::probe probe_;
    queue::ping ping_;
    queue::retention retention_;
    std::optional<exercise> exercise_;  // in the environment "test" only
    std::optional<light_exercise> light_exercise_;
    queue::handlers all_;
};

/// What is made again and again for every tenant.
[[nodiscard]] std::vector<queue::schedule> schedules();

}  // namespace bulkhead::worker
