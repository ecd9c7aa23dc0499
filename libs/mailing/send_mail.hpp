// SPDX-License-Identifier: Apache-2.0
// The kind of jobs that sends one mail. What the mail server refuses for good, and a mail whose links would
// not work any more, fails at once; all else is tried again for some hours. A mail may arrive twice, when the
// worker or the connection dies between its last byte and the end of the job: its Message-ID and its date are
// the job's, so both copies are the same mail. One for a reactor; see queue/handler.hpp.
#pragma once

#include "mail/sender.hpp"
#include "mailing/letterhead.hpp"
#include "queue/handler.hpp"

namespace bulkhead::mailing {

class send_mail {
public:
    using payload = letter;
    /// 14 attempts take five hours or more: servers that know nobody yet (greylisting) want minutes, those
    /// that are being repaired hours.
    static constexpr queue::kind_rules kind{
        .name = "mail.send",
        .retry = {.attempts = 14, .first = std::chrono::seconds(5), .most = std::chrono::hours(2)},
        .time_limit = std::chrono::minutes(2)};

    /// Both must outlive this object.
    send_mail(mail::sender& by, const letterhead& paper) : sender_(by), paper_(paper) {}

    /// The result is the server's reply code: {"reply":250}; 0 where mails go to the log.
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

private:
    mail::sender& sender_;
    const letterhead& paper_;
};

}  // namespace bulkhead::mailing
