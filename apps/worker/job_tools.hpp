// SPDX-License-Identifier: Apache-2.0
// What handlers use that a process has once: the storage of files, the calls of webhooks, the way to the mail
// server. Each kind of jobs that needs threads or connections beside those of its reactor has them here. Made
// before the reactors that run jobs and handed to the handlers of each (job_kinds); destroyed after them. Any
// reactor may use what is in here.
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "mail/sender.hpp"
#include "mailing/letterhead.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"
#include "service/stored_files.hpp"
#include "storage/sweeper.hpp"
#include "webhook_calls.hpp"

namespace bulkhead::worker {

class job_tools {
public:
    /// `home`: the reactor of what the program does for itself. Throws std::runtime_error with a sentence for
    /// the operator when something cannot be used. `box` and `counts` must outlive this object.
    job_tools(executor home, const config::settings& s, const sealed_box& box, metrics::registry& counts);

    /// On the reactor `home`.
    void start();
    void stop();
    /// From any thread: what jobs wait for ends soon, where that costs nobody a second mail.
    void ask_to_stop() noexcept {
        if (mails_) mails_->stop();
    }
    /// On the main thread: after the last job has ended, before any reactor stops.
    void stop_threads();

    [[nodiscard]] storage::store& files() noexcept { return files_.store(); }
    [[nodiscard]] webhook_calls& webhooks() noexcept { return webhooks_; }
    /// None where the settings name no server: then jobs with mails wait for a worker that has one.
    [[nodiscard]] mail::sender* mails() noexcept { return mails_ ? &*mails_ : nullptr; }
    /// Only where there are mails().
    [[nodiscard]] const mailing::letterhead& paper() const noexcept { return *paper_; }

private:
    service::stored_files files_;
    storage::sweeper sweeper_;
    webhook_calls webhooks_;
    runtime::blocking_pool mail_threads_;
    std::optional<mail::sender> mails_;
    std::optional<mailing::letterhead> paper_;
};

}  // namespace bulkhead::worker
