// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string log_format(const circumstances& now, so_far) { return now.terminal ? "pretty" : "json"; }

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
}; }
// clang-format on

}  // namespace bulkhead::config
