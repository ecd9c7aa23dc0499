// SPDX-License-Identifier: Apache-2.0
#include "mailing/post.hpp"

#include "mailing/send_mail.hpp"

namespace bulkhead::mailing {

awaitable<result<queue::outbox::added>> post(queue::outbox& by, const tenancy::tenant_context& within,
                                             letter what, std::string unique_key) {
    auto job = queue::job_of<send_mail>(what);
    job.unique_key = std::move(unique_key);
    co_return co_await by.add(within, std::move(job));
}

}  // namespace bulkhead::mailing
