// SPDX-License-Identifier: Apache-2.0
#include "service/report_settings.hpp"

#include <unistd.h>

#include <array>

#include "base/uuid.hpp"
#include "base/version.hpp"

namespace bulkhead::service {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
    return name.data();
}

telemetry::report_origin origin(const config::settings& from) {
    return {.release = from.sentry_release,
            .environment = std::string(config::environment_name(from.env)),
            .server_name = host_name()};
}

}  // namespace

telemetry::exporter_settings exporter_options(const config::settings& from) {
    return {.target = {.url = from.otlp_traces.url, .headers = from.otlp_headers},
            .resource = {.service_name = from.otlp_service_name,
                         .service_version = std::string(version_text),
                         .instance = uuid::generate().to_string(),
                         .host = host_name(),
                         .environment = std::string(config::environment_name(from.env))}};
}

telemetry::reporter_settings reporter_options(const config::settings& from) {
    secret auth(telemetry::sentry_auth(from.sentry.key.reveal()));
    return {.target = {.url = from.sentry.envelopes.url, .headers = {{"X-Sentry-Auth", std::move(auth)}}},
            .origin = origin(from)};
}

telemetry::crash_settings crash_options(const config::settings& from, std::string_view program) {
    return {.program = std::string(program),
            .json_lines = from.log_json,
            .url = from.sentry.envelopes.url,
            .key = from.sentry.key,
            .origin = origin(from)};
}

}  // namespace bulkhead::service
