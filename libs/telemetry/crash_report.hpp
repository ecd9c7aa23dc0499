// SPDX-License-Identifier: Apache-2.0
// What a program that crashed wrote about itself, read in another process. See crash_handler.hpp.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "telemetry/sentry_event.hpp"

namespace bulkhead::telemetry {

struct crash_report {
    std::string url{};
    secret key{};
    std::string program{};
    report_origin origin{};
    std::string address{};  // that was accessed
    incident what{};
};

/// Lines of "name value", then "maps" and the memory map of the crashed program. What is missing stays empty.
/// Looks up the frames in the files that the map names.
[[nodiscard]] crash_report read_crash_report(std::string_view text);

}  // namespace bulkhead::telemetry
