// SPDX-License-Identifier: Apache-2.0
#include "queue/job_scope.hpp"

#include <utility>

namespace bulkhead::queue {

awaitable<result<std::shared_ptr<postgres::transaction>>> job_scope::enter() {
    if (open_) co_return open_;
    if (closed_) co_return fail(errc::internal, "the run has ended");
    if (refusal_) co_return std::unexpected(*refusal_);
    if (std::exchange(entering_, true)) co_return fail(errc::internal, "two first writes at once");
    auto begun = co_await db_.begin(first_);
    entering_ = false;
    if (!begun) {
        refusal_ = begun.error();
        co_return std::unexpected(std::move(begun.error()));
    }
    // What began while the run was given up is undone at once.
    if (closed_) co_return fail(errc::internal, "the run has ended");
    open_ = std::make_shared<postgres::transaction>(std::move(begun->open));
    co_return open_;
}

std::shared_ptr<postgres::transaction> job_scope::close() {
    closed_ = true;
    return std::exchange(open_, nullptr);
}

}  // namespace bulkhead::queue
