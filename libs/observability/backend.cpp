// SPDX-License-Identifier: Apache-2.0
#include "observability/backend.hpp"

#include <fcntl.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/thread.hpp"
#include "observability/line.hpp"
#include "observability/line_writer.hpp"

namespace bulkhead::log {
namespace {

using clock = std::chrono::steady_clock;
using spdlog_message = spdlog::details::log_msg;

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr auto retry_file_after = std::chrono::minutes(1);
// After it has written everything the thread naps. Lines gather meanwhile, so that one wake-up and one write
// serve many of them, and a reactor that logs finds nobody it would have to wake with a system call.
constexpr auto nap = std::chrono::milliseconds(5);

/// A rotated file that may fail at any time (full disk, lost folder) and recovers by itself.
class rotated_file {
public:
    rotated_file(std::string path, const options& wanted)
        : path_(std::move(path)),
          max_bytes_(std::max<std::size_t>(wanted.file_max_bytes, 1)),
          rotated_(wanted.files > 1 ? wanted.files - 1 : 0) {}

    /// The reason, once per outage; empty when all is well or the outage is known.
    std::string write(const spdlog_message& message) {
        return guarded([&] { sink_->log(message); });
    }
    std::string flush() {
        auto problem = sink_ ? guarded([&] { sink_->flush(); }) : std::string();
        if (sink_) known_ = false;
        return problem;
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    template <class Step>
    std::string guarded(Step step) {
        if (!sink_ && clock::now() < retry_at_) return {};
        try {
            if (!sink_) open();
            step();
            return {};
        } catch (const std::exception& e) {
            sink_.reset();  // spdlog's sink cannot be used after a failed rotation
            retry_at_ = clock::now() + retry_file_after;
            return std::exchange(known_, true) ? std::string() : e.what();
        }
    }
    void open() {
        sink_ = std::make_unique<spdlog::sinks::rotating_file_sink_st>(path_, max_bytes_, rotated_);
        sink_->set_formatter(
            std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
    }

    std::string path_;
    std::size_t max_bytes_;
    std::size_t rotated_;
    std::unique_ptr<spdlog::sinks::rotating_file_sink_st> sink_;
    clock::time_point retry_at_{};
    bool known_ = false;
};

std::string_view colour_of(spdlog::level::level_enum severity) {
    switch (severity) {
        case spdlog::level::err: return "\033[31m";
        case spdlog::level::warn: return "\033[33m";
        case spdlog::level::info: return "\033[32m";
        default: return "\033[2m";
    }
}

bool wants_colour() {
    const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): nothing changes it
    return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

/// Everything a line goes to. spdlog calls it from its one thread.
class output final : public spdlog::sinks::sink {
public:
    explicit output(const options& wanted) : json_(wanted.json), colour_(!wanted.json && wants_colour()) {
        if (wanted.file.empty()) return;
        all_.emplace(wanted.file, wanted);
        errors_.emplace(wanted.file + ".error", wanted);
    }

    /// Before the first line; `queue` must outlive the last.
    void attach(spdlog::details::thread_pool& queue) { queue_ = &queue; }

    void log(const spdlog_message& message) override {
        append(message);
        if (all_) warn_about(*all_, all_->write(message));
        if (errors_ && message.level >= spdlog::level::err) warn_about(*errors_, errors_->write(message));
        const bool drained = queue_->queue_size() == 0;
        if (drained || stdout_.size() >= batch_bytes || message.level >= spdlog::level::err) flush();
        if (drained) std::this_thread::sleep_for(nap);
    }

    void flush() override {
        report_dropped();
        stdout_.flush();
        if (all_) warn_about(*all_, all_->flush());
        if (errors_) warn_about(*errors_, errors_->flush());
    }

    [[nodiscard]] std::uint64_t lost() const { return stdout_.lost(); }
    [[nodiscard]] std::uint64_t dropped() const { return lost() + queue_->overrun_counter(); }

    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    void append(const spdlog_message& message) {
        const std::string_view line(message.payload.data(), message.payload.size());
        if (!colour_ || line.size() < pretty_level_at + pretty_level_width) return stdout_.append({line});
        stdout_.append({line.substr(0, pretty_level_at), colour_of(message.level),
                        line.substr(pretty_level_at, pretty_level_width), "\033[0m",
                        line.substr(pretty_level_at + pretty_level_width)});
    }

    void say(std::string_view message, fields more) {
        std::string line;
        (json_ ? append_json_line : append_pretty_line)(line, utc_now(), level::warn, message, {}, more);
        stdout_.append({line});
    }

    void warn_about(const rotated_file& file, const std::string& problem) {
        if (problem.empty()) return;
        say("log file cannot be written", {{"file", file.path()}, {"reason", problem}});
        stdout_.flush();
    }

    void report_dropped() {
        const auto now = dropped();
        if (now == reported_ || !stdout_.healthy()) return;
        say("log lines dropped", {{"count", now - reported_}, {"total", now}});
        reported_ = now;
    }

    line_writer stdout_{STDOUT_FILENO};
    std::optional<rotated_file> all_;
    std::optional<rotated_file> errors_;
    spdlog::details::thread_pool* queue_ = nullptr;
    std::uint64_t reported_ = 0;
    bool json_;
    bool colour_;
};

/// A descriptor 0-2 that is closed would be given to the next socket, and lines would be written into it.
void fill_standard_descriptors() {
    int fd = 0;
    do fd = ::open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) ::close(fd);
}

spdlog::level::level_enum to_spdlog(level severity) {
    return static_cast<spdlog::level::level_enum>(severity);
}
static_assert(static_cast<int>(level::error) == static_cast<int>(spdlog::level::err));

}  // namespace

struct backend::parts {
    std::shared_ptr<output> sink;
    std::shared_ptr<spdlog::details::thread_pool> queue;
    std::shared_ptr<spdlog::async_logger> front;
};

backend::backend(const options& wanted) : parts_(std::make_unique<parts>()) {
    fill_standard_descriptors();
    parts_->sink = std::make_shared<output>(wanted);
    const auto flush_last = [sink = parts_->sink] { sink->flush(); };
    parts_->queue = std::make_shared<spdlog::details::thread_pool>(
        queue_lines, 1, [] { prepare_thread("log"); }, flush_last);
    parts_->sink->attach(*parts_->queue);
    parts_->front = std::make_shared<spdlog::async_logger>("bulkhead", parts_->sink, parts_->queue,
                                                           spdlog::async_overflow_policy::overrun_oldest);
    parts_->front->set_level(spdlog::level::trace);
}

backend::~backend() { close(); }

std::uint64_t backend::close() {
    if (!parts_->queue) return 0;
    const auto overrun = parts_->queue->overrun_counter();
    parts_->queue.reset();  // drains and joins
    return overrun + parts_->sink->lost();
}

void backend::post(level severity, std::string_view line) {
    parts_->front->log(to_spdlog(severity), spdlog::string_view_t(line.data(), line.size()));
}

std::uint64_t backend::dropped() const { return parts_->sink->dropped(); }

}  // namespace bulkhead::log
