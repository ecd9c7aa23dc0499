// SPDX-License-Identifier: Apache-2.0
#include "job_tools.hpp"

#include <numeric>
#include <utility>

#include "observability/log.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::worker {
namespace {

/// Connections to the mail server: a mail takes a round trip or five, and providers count connections.
constexpr std::size_t mail_connections = 4;

/// Each of which waits for one call, to the storage, to a receiver or to the mail server, at most.
std::size_t jobs_at_a_time(const config::settings& s) {
    const auto& slots = s.worker_concurrency;
    return std::accumulate(slots.begin(), slots.end(), std::size_t{0});
}

}  // namespace

job_tools::job_tools(executor home, const config::settings& s, const sealed_box& box,
                     metrics::registry& counts)
    : files_(s, counts, jobs_at_a_time(s) + 1),
      sweeper_(home, files_.store()),
      webhooks_(s, box, counts, jobs_at_a_time(s) + 1),
      mail_threads_("mail", mail_connections, jobs_at_a_time(s)) {
    auto options = service::mail_options(s);
    if (const auto problem = mail::problem_of(options)) {
        log::warn("jobs of the kind mail.send wait for a worker that can send", {{"reason", *problem}});
        return;
    }
    mails_.emplace(std::move(options), mail_threads_, counts);
    paper_.emplace(service::mail_brand(s));
}

void job_tools::start() { sweeper_.start(); }

void job_tools::stop() { sweeper_.stop(); }

void job_tools::stop_threads() {
    ask_to_stop();
    mail_threads_.stop();
    files_.stop();
}

}  // namespace bulkhead::worker
