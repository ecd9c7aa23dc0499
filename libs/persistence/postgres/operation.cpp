// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/operation.hpp"

namespace bulkhead::postgres {

void operation::complete() {
    if (operation_hook::is_linked()) operation_hook::unlink();
    expires_at(never);
    carrier_ = nullptr;
    auto wake = std::move(wake_);
    wake();
}

result<std::vector<result_set>> operation::take() {
    if (failure_) return std::unexpected(std::move(*failure_));
    return std::move(rows_);
}

void operation::on_deadline() {
    if (carrier_) {
        carrier_->forget(*this);
        fail({.code = errc::deadline_exceeded, .detail = "the database did not answer in time"});
    } else {
        never_sent_ = true;
        fail({.code = errc::unavailable,
              .detail = "no database connection became free in time",
              .retry_after = std::chrono::seconds{1}});
    }
    complete();
}

}  // namespace bulkhead::postgres
