// SPDX-License-Identifier: Apache-2.0
// What every long-running program does before it serves: its flags, its configuration, its exit codes.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

#include "config/load.hpp"

namespace bulkhead::service {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_config = 78;  // EX_CONFIG of sysexits.h

/// What only shows once the program meets the world: a setting that cannot work, however often it is tried.
struct wrong_configuration : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct program_info {
    config::program which;
    std::string_view name;        // "bulkhead-api"
    std::string_view purpose;     // one line for --help
    std::string_view commands{};  // more lines for it: what the program answers besides its flags
};

/// Handles --help, --version, --check-config and --healthcheck, reads the configuration (every problem goes
/// to stderr, status 78), starts the log, and then calls `serve` with it. An exception of `serve` is one line
/// and status 1, wrong_configuration one line and 78.
int run(const program_info& program, std::span<char* const> arguments,
        const std::function<int(const config::loaded&)>& serve);

/// What SIGHUP does: reads the configuration again (a NAME_FILE may have changed) and applies what can change
/// while the program runs, which is LOG_LEVEL. A configuration with problems changes nothing and is reported
/// in the log: false.
bool reload(const program_info& program);

}  // namespace bulkhead::service
