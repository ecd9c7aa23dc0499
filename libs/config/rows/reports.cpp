// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string log_format(const circumstances& now, so_far) { return now.terminal ? "pretty" : "json"; }
std::string release(const circumstances&, so_far) { return "bulkhead@" + std::string(version_text); }

}  // namespace

// clang-format off
std::vector<row> report_rows() { return {
    {.name = "LOG_LEVEL", .programs = everyone, .type = "trace, debug, info, warn, error or off",
     .fallback = "info",
     .parse = into(&settings::log_level, parse_log_level),
     .help = "The least severe lines that are written."},
    {.name = "LOG_FORMAT", .programs = everyone, .type = "json or pretty",
     .fallback = "json, pretty on a terminal",
     .computed = log_format, .parse = into(&settings::log_json, parse_log_format), .example = "json",
     .help = "One JSON object a line, or lines for people."},
    {.name = "LOG_FILE", .programs = everyone, .type = "path", .parse = into(&settings::log_file, parse_text),
     .example = "/var/log/bulkhead/api.log",
     .help = "Lines go here as well as to stdout; errors also to <LOG_FILE>.error. One file per process."},
    {.name = "LOG_FILE_MAX", .programs = everyone, .type = "size from 1KiB to 10GiB", .fallback = "10MB",
     .parse = into(&settings::log_file_max, parse_bytes<kib, 10 * gib>), .help = "A larger file is rotated."},
    {.name = "LOG_FILES", .programs = everyone, .type = "1-1000", .fallback = "5",
     .parse = into(&settings::log_files, parse_number<unsigned, 1, 1000>),
     .help = "How many files are kept, the current one included."},
    {.name = "SENTRY_DSN", .programs = servers, .type = "https://key@host/project", .show = shown::secret,
     .parse = into(&settings::sentry, parse_sentry_dsn), .example = "https://key@sentry.example.com/42",
     .help = "Errors of ours and crashes are reported there. Production needs https, unless it is this host."},
    {.name = "SENTRY_RELEASE", .programs = servers, .type = "text", .fallback = "bulkhead@<version>",
     .computed = release, .parse = into(&settings::sentry_release, parse_text), .example = "bulkhead@1.2.3",
     .help = "What the reports say is running."},
    {.name = "OTEL_EXPORTER_OTLP_ENDPOINT", .programs = api, .type = "http://host:4318",
     .parse = into(&settings::otlp_traces, parse_otlp_endpoint), .example = "http://collector:4318",
     .help = "Spans of sampled requests go to <this>/v1/traces (OTLP/HTTP, JSON)."},
    {.name = "OTEL_EXPORTER_OTLP_HEADERS", .programs = api, .type = "name=value,name=value",
     .show = shown::secret, .parse = into(&settings::otlp_headers, parse_otlp_headers),
     .example = "api-key=secret", .help = "Headers for the collector; values are percent-encoded."},
    {.name = "OTEL_SERVICE_NAME", .programs = api, .type = "text", .fallback = "bulkhead-api",
     .parse = into(&settings::otlp_service_name, parse_text), .help = "Names the program in traces."},
    {.name = "OTEL_TRACES_SAMPLER_ARG", .programs = api, .type = "0 to 1", .fallback = "0.1",
     .parse = into(&settings::trace_ratio, parse_ratio),
     .help = "The part of the requests that is traced; a traceparent that comes with a request decides itself."},
    {.name = "ACCESS_LOG", .programs = api, .type = "on, off or a part like 0.1", .fallback = "on",
     .parse = into(&settings::access_log, parse_part),
     .help = "Which answers are logged. Slow ones and failures (5xx) always are, up to 100 a second."},
    {.name = "SLOW_REQUEST", .programs = api, .type = "time from 1ms to 1h", .fallback = "1s",
     .parse = into(&settings::slow_request, parse_time<1, hour>),
     .help = "An answer that takes this long is logged whatever ACCESS_LOG says."},
}; }
// clang-format on

}  // namespace bulkhead::config
