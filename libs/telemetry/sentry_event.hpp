// SPDX-License-Identifier: Apache-2.0
// Something that went wrong, as an envelope for Sentry (develop.sentry.dev, "Envelopes" and "Event
// Payloads"). What is not named here is not sent: no query, no body, no header but a few harmless ones, no
// address of a client. Pure, but for the random id of the event.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "observability/trace.hpp"

namespace bulkhead::telemetry {

/// What runs where.
struct report_origin {
    std::string release{};
    std::string environment{};
    std::string server_name{};
};

/// One return address of a crash, innermost first, as far as it is known what stands there.
struct crash_frame {
    std::uint64_t address = 0;
    std::uint64_t image = 0;  // where the file is mapped; 0: unknown
    std::string file{};
    std::string function{};
};

/// A file with code that was mapped when it crashed.
struct crash_image {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::string file{};
    std::string build_id{};  // hex; empty: none
};

/// A request that the report is about.
struct report_request {
    std::string method{};
    std::string url{};  // without its query
    std::string route{};
    std::vector<std::pair<std::string, std::string>> headers{};
    unsigned status = 0;  // 0: there was no answer
    std::string id{};
    std::string tenant{};  // slug
    std::string user{};    // id
    trace::context trace{};
};

struct incident {
    utc_time when{};
    std::string level = "error";  // or "fatal"
    std::string type{};           // of the exception, or what it is like
    std::string value{};          // what it says
    std::string thread{};         // that crashed
    report_request request{};     // without method: not about a request
    // That the crashed thread was busy with: when there was one, it is `request`, too.
    std::vector<report_request> under_way{};
    std::uint64_t unreported = 0;  // alike and not sent since the last one
    std::vector<crash_frame> frames{};
    std::vector<crash_image> images{};
};

[[nodiscard]] std::string sentry_envelope(const report_origin& from, const incident& what);

/// The value of X-Sentry-Auth.
[[nodiscard]] std::string sentry_auth(std::string_view key);

}  // namespace bulkhead::telemetry
