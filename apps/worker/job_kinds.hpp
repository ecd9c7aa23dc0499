// SPDX-License-Identifier: Apache-2.0
// The kinds of jobs that this program knows, with their handlers: each feature adds its own here. One for
// each reactor.
#pragma once

#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "config/settings.hpp"
#include "exercise.hpp"
#include "features/exports/export_retention.hpp"
#include "features/exports/export_tasks.hpp"
#include "features/webhooks/deliver.hpp"
#include "features/webhooks/retention.hpp"
#include "job_tools.hpp"
#include "mailing/send_mail.hpp"
#include "queue/handler.hpp"
#include "queue/kinds/probe.hpp"
#include "queue/kinds/retention.hpp"

namespace bulkhead::worker {

/// The kinds that tests need.
struct exercises {
    exercise whole;
    light_exercise light;
    long_exercise slow;
    [[nodiscard]] auto all() { return std::tie(whole, light, slow); }
};

class job_kinds {
public:
    /// `tools` must outlive this object. `also`: adds what other programs than bulkhead-worker bring; may be
    /// empty.
    job_kinds(const config::settings& s, job_tools& tools,
              const std::function<void(queue::handlers&)>& also = {});

    [[nodiscard]] const queue::handlers& all() const noexcept { return all_; }

    /// The only list of the kinds that every worker has.
    [[nodiscard]] auto own() {
        return std::tie(probe_, ping_, retention_, export_tasks_, export_retention_, deliver_webhook_,
                        webhook_retention_);
    }

private:
    queue::probe probe_;
    queue::ping ping_;
    queue::retention retention_;
    exports::export_tasks export_tasks_;
    exports::export_retention export_retention_;
    webhooks::deliver deliver_webhook_;
    webhooks::retention webhook_retention_;
    std::optional<mailing::send_mail> send_mail_;  // where there is a mail server
    std::optional<exercises> exercises_;           // in the environment "test" only
    queue::handlers all_;
};

/// The same kinds for a program that makes jobs and runs none: it needs nothing that handlers use.
[[nodiscard]] queue::handlers known_kinds(const config::settings& s);

/// What is made again and again for every tenant.
[[nodiscard]] std::vector<queue::schedule> schedules();

}  // namespace bulkhead::worker
