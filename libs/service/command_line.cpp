// SPDX-License-Identifier: Apache-2.0
#include "service/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iostream>

#include "base/fail_point.hpp"
#include "base/version.hpp"
#include "observability/log.hpp"
#include "runtime/signals.hpp"
#include "service/from_settings.hpp"
#include "service/healthcheck.hpp"
#include "service/report_settings.hpp"

namespace bulkhead::service {
namespace {

using namespace std::string_view_literals;

void print_help(const program_info& program) {
    std::cout << fmt::format(
        "{0}: {1}\n\n"
        "usage: {0} [--help | --version | --check-config | --healthcheck]\n\n"
        "  --check-config  print the effective configuration, secrets hidden, and exit 0; or list every "
        "problem\n"
        "                  and exit 78\n"
        "  --healthcheck   ask the program that runs with these settings: one line, exit 0 when it is ready, "
        "else 1\n\n"
        "Settings are environment variables; infra/env.example lists them. NAME_FILE reads one from a file.\n"
        "SIGTERM and SIGINT stop it cleanly; a second one ends it at once.\n{2}",
        program.name, program.purpose, program.commands);
}

/// A block for people, one line for machines: a reader of JSON lines must not meet anything else.
void report_start(const program_info& program, const config::loaded& loaded) {
    if (loaded.values.log_json)
        log::info("starting",
                  {{"program", program.name}, {"version", version_text}, {"configuration", loaded.report}});
    else
        std::cout << fmt::format("{} {}\n{}", program.name, version_text, loaded.report) << std::flush;
    for (const auto& warning : loaded.warnings) log::warn(warning);
}

/// Engines know 0 and 1 only, so a wrong configuration is 1 as well.
int check_health(const program_info& program) {
    const auto loaded = config::load(program.which, config::current_environment());
    if (loaded) return print_health(loaded->values);
    std::cerr << "not ready: " << loaded.error().front() << '\n';
    return exit_failed;
}

/// The exit status of a flag that is answered at once; nullopt: go on and serve.
std::optional<int> answer_flag(const program_info& program, std::span<char* const> arguments) {
    if (arguments.size() < 2) return std::nullopt;
    const std::string_view flag = arguments[1];
    const std::array known{"--help"sv, "--version"sv, "--check-config"sv, "--healthcheck"sv};
    if (arguments.size() > 2 || std::ranges::find(known, flag) == known.end()) {
        std::cerr << fmt::format("{}: unknown argument: {}. Try --help.\n", program.name,
                                 arguments[arguments.size() > 2 ? 2 : 1]);
        return exit_usage;
    }
    if (flag == "--check-config") return config::check_config(program.which, std::cout, std::cerr);
    if (flag == "--healthcheck") return check_health(program);
    if (flag == "--version")
        std::cout << fmt::format("{} {}\n", program.name, version_text);
    else
        print_help(program);
    return exit_ok;
}

void report_problems(const program_info& program, const std::vector<std::string>& problems) {
    std::cerr << fmt::format("{}: the configuration has {} problem(s):\n", program.name, problems.size());
    for (const auto& problem : problems) std::cerr << "  " << problem << '\n';
}

}  // namespace

int run(const program_info& program, std::span<char* const> arguments,
        const std::function<int(const config::loaded&)>& serve) {
    if (arguments.size() == 2 && arguments[1] == telemetry::crash_flag) return telemetry::send_crash_report();
    if (const auto status = answer_flag(program, arguments)) return *status;
    const auto loaded = config::load(program.which, config::current_environment());
    if (!loaded) {
        report_problems(program, loaded.error());
        return exit_config;
    }
    runtime::ignore_sigpipe();
    arm_fail_point(loaded->values.fail_point);
    int status = exit_failed;
    try {
        telemetry::catch_crashes(crash_options(loaded->values, program.name));
        log::start(log_options(loaded->values));
        report_start(program, *loaded);
        status = serve(*loaded);
    } catch (const wrong_configuration& e) {
        log::error("the configuration does not fit", {{"reason", e.what()}});
        status = exit_config;
    } catch (const std::exception& e) {
        log::error("cannot go on", {{"reason", e.what()}});
    }
    log::stop();
    return status;
}

bool reload(const program_info& program) {
    const auto loaded = config::load(program.which, config::current_environment());
    if (!loaded) {
        for (const auto& problem : loaded.error())
            log::error("reload: kept the old configuration", {{"problem", problem}});
        return false;
    }
    log::set_level(log_options(loaded->values).threshold);
    log::info("reloaded", {{"LOG_LEVEL", loaded->values.log_level}});
    return true;
}

}  // namespace bulkhead::service
