// SPDX-License-Identifier: Apache-2.0
#include "queue/outcome.hpp"

namespace bulkhead::queue {

std::unexpected<run_failure> failed_with(const error& why) {
    const auto& row = describe(why.code);
    return try_again(why.detail.empty() ? std::string(row.title) : why.detail, why.retry_after);
}

}  // namespace bulkhead::queue
