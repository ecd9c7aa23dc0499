// SPDX-License-Identifier: Apache-2.0
// From settings to where spans, errors and crashes are sent.
#pragma once

#include "config/settings.hpp"
#include "telemetry/crash_handler.hpp"
#include "telemetry/error_reporter.hpp"
#include "telemetry/span_exporter.hpp"

namespace bulkhead::service {

/// Only when settings name a collector.
telemetry::exporter_settings exporter_options(const config::settings& from);

/// Only when settings name a Sentry.
telemetry::reporter_settings reporter_options(const config::settings& from);

/// What a crash leaves behind.
telemetry::crash_settings crash_options(const config::settings& from, std::string_view program);

}  // namespace bulkhead::service
