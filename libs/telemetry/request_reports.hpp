// SPDX-License-Identifier: Apache-2.0
// Reports answers that say that we failed. An exception or a 500 is news every time, up to a few of a kind a
// minute; 503 and 504 are news once a minute; refusals before the handler (overload) and probes never are.
// One for each reactor.
#pragma once

#include "http/observer.hpp"
#include "telemetry/error_reporter.hpp"
#include "telemetry/report_limiter.hpp"

namespace bulkhead::telemetry {

class request_reports final : public http::answer_observer {
public:
    explicit request_reports(error_reporter& to) : to_(to) {}

    void on_answer(const http::answered& what) override;

private:
    error_reporter& to_;
    report_limiter limiter_;
};

/// How many reports of a kind may be sent a minute; 0: it is no news.
[[nodiscard]] unsigned reports_a_minute(const http::answered& what);

/// What is sent of an answer and its request.
[[nodiscard]] incident describe_failure(const http::answered& what);

}  // namespace bulkhead::telemetry
