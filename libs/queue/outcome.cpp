// SPDX-License-Identifier: Apache-2.0
#include "queue/outcome.hpp"

namespace bulkhead::queue {

std::unexpected<run_failure> failed_outside(const error& why) {
    const auto& row = describe(why.code);
    return try_again(why.detail.empty() ? std::string(row.title) : why.detail, why.retry_after);
}

std::unexpected<run_failure> failed_with(const error& why) {
    auto out = failed_outside(why);
    out.error().away = why.code == errc::unavailable;
    return out;
}

}  // namespace bulkhead::queue
