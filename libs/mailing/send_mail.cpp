// SPDX-License-Identifier: Apache-2.0
#include "mailing/send_mail.hpp"

#include <fmt/format.h>

#include "base/fail_point.hpp"

namespace bulkhead::mailing {

awaitable<queue::run_outcome> send_mail::run(queue::job_context& job, letter what) {
    const auto rows = co_await job.db().read("select created_at from jobs where id = $1", job.id());
    if (!rows) co_return queue::failed_with(rows.error());
    if (rows->empty()) co_return queue::give_up("the job is gone");
    const auto asked = (*rows)[0].get<utc_time>(0);
    if (const auto until = valid_until(what, asked); until && *until <= utc_now())
        co_return queue::give_up("the link in it does not work any more");
    auto mail = paper_.write(what, job.tenant());
    mail.id = job.id().to_string();
    mail.date = asked;
    if (job.control().stop_requested()) co_return queue::try_again("it was told to stop");
    const auto sent = co_await sender_.send(std::move(mail), job.deadline());
    fail_point("mail.after-send");
    if (!sent) co_return queue::failed_outside(sent.error());
    if (!sent->accepted && sent->reply == 0) co_return queue::give_up(sent->text);
    if (!sent->accepted) co_return queue::give_up("the mail server refused it: " + sent->text);
    co_return json::value{{"reply", sent->reply}};
}

}  // namespace bulkhead::mailing
