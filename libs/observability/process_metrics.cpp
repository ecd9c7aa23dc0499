// SPDX-License-Identifier: Apache-2.0
#include "observability/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "observability/log.hpp"

namespace bulkhead::metrics {
namespace {

/// Field `number` of /proc/self/stat as proc(5) counts them, from 3 on.
double stat_field(int number) {
    std::ifstream file("/proc/self/stat");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto name_end = text.rfind(')');  // field 2 is the program's name, which may hold anything
    if (name_end == std::string::npos) return NAN;
    std::istringstream rest(text.substr(name_end + 1));
    std::string skipped;
    for (int i = 3; i < number; ++i) rest >> skipped;
    double value = NAN;
    return rest >> value ? value : NAN;
}

double ticks_per_second() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

double resident_bytes() {
    constexpr int rss_pages = 24;
    return stat_field(rss_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) != 0) return NAN;
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double open_descriptors() {
    std::error_code failed;
    const std::filesystem::directory_iterator all("/proc/self/fd", failed);
    if (failed) return NAN;
    return static_cast<double>(std::distance(begin(all), end(all))) - 1;  // without the one that lists them
}

double most_descriptors() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : NAN;
}

double threads() {
    constexpr int num_threads = 20;
    return stat_field(num_threads);
}

/// proc(5) gives it in ticks after the machine's start.
double start_time() {
    constexpr int start_ticks = 22;
    std::ifstream uptime_file("/proc/uptime");
    double uptime = NAN;
    uptime_file >> uptime;
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    return now.count() - uptime + stat_field(start_ticks) / ticks_per_second();
}

}  // namespace

void add_process_metrics(registry& all) {
    all.add_gauge_sampler("process_resident_memory_bytes", "Resident memory.", resident_bytes);
    all.add_counter_sampler("process_cpu_seconds_total", "User and system CPU time spent.", cpu_seconds);
    all.add_gauge_sampler("process_open_fds", "Open file descriptors.", open_descriptors);
    all.add_gauge_sampler("process_max_fds", "Most file descriptors that may be open.", most_descriptors);
    all.add_gauge_sampler("process_threads", "Threads.", threads);
    all.add_gauge_sampler("process_start_time_seconds", "When the process started, since the Unix epoch.",
                          [started = start_time()] { return started; });
    all.add_counter_sampler("bulkhead_log_lines_dropped_total", "Log lines given up because nobody took them",
                            [] { return static_cast<double>(log::dropped()); });
}

}  // namespace bulkhead::metrics
