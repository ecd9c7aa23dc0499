// SPDX-License-Identifier: Apache-2.0
// What Sentry's answers say about sending more ("Rate Limiting" in its developer documentation). Pure.
#pragma once

#include <chrono>

#include "telemetry/http_sender.hpp"

namespace bulkhead::telemetry {

/// For how long no error event may be sent after this answer; zero: go on.
[[nodiscard]] std::chrono::seconds pause_after(const send_result& answer);

}  // namespace bulkhead::telemetry
