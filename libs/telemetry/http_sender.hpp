// SPDX-License-Identifier: Apache-2.0
// POSTs to one URL, one after the other, on a thread that may wait. libcurl does the work and is seen in
// http_sender.cpp only. No proxy is used, whatever the environment says, no redirect is followed, and what
// comes back is read up to a bound. Used by one thread; stop_by() may be called from any.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace bulkhead::telemetry {

struct send_target {
    std::string url{};
    std::vector<std::pair<std::string, secret>> headers{};  // sent with every request
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds timeout{10'000};  // all of it
};

struct send_result {
    long status = 0;        // 0: there was no answer
    std::string failure{};  // then: why, for logs
    std::optional<std::chrono::seconds> retry_after{};
    std::string rate_limits{};  // X-Sentry-Rate-Limits

    [[nodiscard]] bool accepted() const noexcept { return status >= 200 && status < 300; }
    /// It may work later (OTLP/HTTP, "Retryable Response Codes"): nobody was there, or nobody had time.
    [[nodiscard]] bool may_be_repeated() const noexcept {
        return status == 0 || status == 429 || (status >= 502 && status <= 504);
    }
};

class http_sender {
public:
    explicit http_sender(const send_target& target);
    ~http_sender();
    http_sender(const http_sender&) = delete;
    http_sender& operator=(const http_sender&) = delete;

    send_result post(std::string_view content_type, std::string_view body);

    /// What is under way then is cut off, and later requests fail at once.
    void stop_by(std::chrono::steady_clock::time_point when) noexcept;

private:
    struct transfer;
    std::unique_ptr<transfer> transfer_;
};

}  // namespace bulkhead::telemetry
