// SPDX-License-Identifier: Apache-2.0
#include "observability/line_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <limits>

namespace bulkhead::log {
namespace {

/// A pipe that poll() calls writable takes this much without blocking (POSIX write()); files take anything.
std::size_t safe_chunk(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) return std::numeric_limits<std::size_t>::max();
    return PIPE_BUF;
}

}  // namespace

line_writer::line_writer(int fd, std::chrono::milliseconds patience)
    : fd_(fd), patience_(patience), chunk_(safe_chunk(fd)) {}

void line_writer::append(std::initializer_list<std::string_view> pieces) {
    for (const auto piece : pieces) batch_ += piece;
    batch_ += '\n';
}

bool line_writer::wait_writable() {
    pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
    const auto timeout = stalled_ ? 0 : static_cast<int>(patience_.count());
    const auto ready = ::poll(&wanted, 1, timeout);
    stalled_ = ready == 0;
    return ready != 0;  // errors and hang-ups included: write() tells which
}

std::size_t line_writer::write_some(std::string_view rest) {
    for (;;) {
        if (!wait_writable()) return 0;
        const auto count = ::write(fd_, rest.data(), std::min(rest.size(), chunk_));
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR && errno != EAGAIN) return 0;
    }
}

void line_writer::flush() {
    if (batch_.empty()) return;
    if (broken_line_) batch_.insert(0, 1, '\n');
    std::string_view rest = batch_;
    while (!rest.empty()) {
        const auto count = write_some(rest);
        if (count == 0) break;
        rest.remove_prefix(count);
    }
    healthy_ = rest.empty();
    auto lost = std::ranges::count(rest, '\n');
    if (rest.size() < batch_.size())
        broken_line_ = !rest.empty() && batch_[batch_.size() - rest.size() - 1] != '\n';
    else if (broken_line_)
        --lost;  // the line end put in front
    lost_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
    batch_.clear();
}

void write_to_stderr(std::string line) {
    line += '\n';
    sigset_t pipe_signal;
    sigset_t before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    if (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EPIPE &&
        sigismember(&before, SIGPIPE) == 0) {
        const timespec at_once{};
        sigtimedwait(&pipe_signal, nullptr, &at_once);  // the signal of this very write
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace bulkhead::log
