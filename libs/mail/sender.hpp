// SPDX-License-Identifier: Apache-2.0
// Sends mails: coroutines ask, the threads of a pool speak SMTP, each over a connection that is kept for the
// next mail. Where no mail server is set, development writes mails to the log. Called from any reactor; must
// outlive what it was asked, so it is destroyed after the pool has been stopped.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "mail/message.hpp"
#include "mail/smtp_session.hpp"
#include "observability/metrics.hpp"
#include "runtime/asio.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::mail {

struct sender_options {
    std::optional<smtp_target> server{};  // none: see to_log
    mailbox from{};                       // who sends, unless a message says otherwise
    bool to_log = false;                  // without a server: mails are logged, whole, with their links
};

/// Why a program with such options cannot send, in a sentence that names the settings to change; nullopt when
/// it can. A program that has a kind of job which sends mail asks this at its start and does not begin.
std::optional<std::string> problem_of(const sender_options& options);

class sender {
public:
    /// Uses as many connections as `pool` has threads. Registers bulkhead_mails_total and
    /// bulkhead_mail_duration_seconds. Throws std::runtime_error when `options` have a problem.
    sender(sender_options options, runtime::blocking_pool& pool, metrics::registry& counts);
    sender(const sender&) = delete;
    sender& operator=(const sender&) = delete;

    /// Sends one mail, or writes it to the log. What the server has decided is a value: accepted, or refused
    /// for good, which includes a message that check() refuses. An error means try again later:
    /// errc::unavailable (a reply of class 4, no connection, no protection, no login, a full pool, we are
    /// stopping) or errc::deadline_exceeded. A mail that ends in an error may have been delivered when the
    /// connection broke after its last byte: send it again with the same id.
    awaitable<result<delivery>> send(message mail, runtime::deadline until);

    [[nodiscard]] const mailbox& from() const noexcept { return options_.from; }

    /// From any thread. Mails whose text is not yet on its way to the server end with errc::unavailable
    /// within a second; the others have until their deadlines.
    void stop() noexcept { stopping_ = true; }

private:
    attempt send_now(const message& mail, runtime::deadline until);
    void write_to_log(const message& mail) const;
    void count(const result<delivery>& outcome, std::chrono::nanoseconds took);
    std::unique_ptr<smtp_session> take_session();
    void give_back(std::unique_ptr<smtp_session> session);

    const sender_options options_;
    runtime::blocking_pool& pool_;
    metrics::counter &sent_, &refused_, &failed_, &logged_;
    metrics::histogram& seconds_;
    std::atomic<bool> stopping_ = false;
    std::mutex guard_;
    std::vector<std::unique_ptr<smtp_session>> idle_;
};

}  // namespace bulkhead::mail
