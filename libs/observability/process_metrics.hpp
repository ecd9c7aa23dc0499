// SPDX-License-Identifier: Apache-2.0
// What Prometheus expects of every process, read from /proc when it is scraped. A value that cannot be read
// is printed as NaN.
#pragma once

#include "observability/metrics.hpp"

namespace bulkhead::metrics {

/// Adds process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, process_max_fds,
/// process_threads and process_start_time_seconds (since the Unix epoch); and of this program
/// bulkhead_log_lines_dropped_total.
void add_process_metrics(registry& all);

}  // namespace bulkhead::metrics
