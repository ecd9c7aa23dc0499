// SPDX-License-Identifier: Apache-2.0
#include "mail/sender.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "observability/log.hpp"

namespace bulkhead::mail {
namespace {

metrics::counter& mails(metrics::registry& counts, std::string_view result) {
    return counts.add_counter("bulkhead_mails_total", "Mails by what became of an attempt to send them",
                              metrics::label("result", result));
}

}  // namespace

std::optional<std::string> problem_of(const sender_options& options) {
    if (!options.server && !options.to_log)
        return "mails cannot be sent: set SMTP_URL, e.g. smtps://user:password@mail.example.com:465";
    if (options.from.address.empty())
        return "mails cannot be sent: set MAIL_FROM, e.g. Example <no-reply@example.com>";
    return std::nullopt;
}

sender::sender(sender_options options, runtime::blocking_pool& pool, metrics::registry& counts)
    : options_(std::move(options)),
      pool_(pool),
      sent_(mails(counts, "sent")),
      refused_(mails(counts, "refused")),
      failed_(mails(counts, "failed")),
      logged_(mails(counts, "logged")),
      seconds_(counts.add_histogram("bulkhead_mail_duration_seconds",
                                    "Attempts to send a mail, from connecting or MAIL to the last reply",
                                    {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60})) {
    if (auto problem = problem_of(options_)) throw std::runtime_error(*std::move(problem));
}

awaitable<result<delivery>> sender::send(message mail, runtime::deadline until) {
    if (mail.from.address.empty()) mail.from = options_.from;
    if (auto ok = check(mail); !ok) {
        refused_.add();
        co_return delivery{false, 0, std::move(ok).error().detail};
    }
    if (!options_.server) {
        write_to_log(mail);
        co_return delivery{true, 0, "written to the log"};
    }
    auto work = [this, &mail, until] { return send_now(mail, until); };
    auto done = co_await pool_.run(std::move(work));
    if (!done) {
        failed_.add();
        co_return std::unexpected(std::move(done).error());
    }
    co_return std::move(done->outcome);
}

/// On a thread of the pool.
attempt sender::send_now(const message& mail, runtime::deadline until) {
    auto session = take_session();
    const auto begin = std::chrono::steady_clock::now();
    auto tried = session->send(mail, until, stopping_);
    count(tried.outcome, std::chrono::steady_clock::now() - begin);
    // libcurl 7.88 does not recover from a reply that came too late. A failure costs a connection anyway.
    if (tried.outcome && tried.outcome->accepted) give_back(std::move(session));
    // The recipient stays out of the log, the id leads to the job.
    if (!tried.outcome)
        log::warn("a mail was not sent",
                  {{"mail", mail.id}, {"error", tried.outcome.error().detail}, {"reason", tried.why}});
    else if (!tried.outcome->accepted)
        log::warn("a mail was refused for good",
                  {{"mail", mail.id}, {"reply", tried.outcome->reply}, {"reason", tried.outcome->text}});
    return tried;
}

void sender::write_to_log(const message& mail) const {
    logged_.add();
    log::info("a mail, not sent because SMTP_URL is not set",
              {{"to", mail.to.address}, {"subject", mail.subject}, {"text", mail.text}});
}

void sender::count(const result<delivery>& outcome, std::chrono::nanoseconds took) {
    seconds_.observe(std::chrono::duration<double>(took).count());
    (!outcome ? failed_ : outcome->accepted ? sent_ : refused_).add();
}

std::unique_ptr<smtp_session> sender::take_session() {
    {
        const std::lock_guard lock(guard_);
        if (!idle_.empty()) {
            auto out = std::move(idle_.back());
            idle_.pop_back();
            return out;
        }
    }
    return std::make_unique<smtp_session>(*options_.server);
}

void sender::give_back(std::unique_ptr<smtp_session> session) {
    const std::lock_guard lock(guard_);
    idle_.push_back(std::move(session));
}

}  // namespace bulkhead::mail
