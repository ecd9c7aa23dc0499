// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

namespace bulkhead::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept_messages = 4096;
constexpr auto tick = 50ms;
constexpr int cannot_start = 127;  // as shells say it

std::vector<char*> pointers(const std::vector<std::string>& texts, const std::string* first = nullptr) {
    std::vector<char*> out;
    if (first) out.push_back(const_cast<char*>(first->c_str()));
    for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

/// What the new process needs, made before the fork: after it, in a program with threads, nothing may
/// allocate or take a lock.
struct launch {
    const char* program;
    char* const* arguments;
    char* const* environment;
    int input;
    int output;
    int errors;
    int failure;  // receives errno when the program cannot be run
    pid_t parent;
};

/// Sockets of other threads may lack the flag.
void close_on_exec_from(unsigned first) noexcept {
    if (::close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    rlimit most{};  // before Linux 5.11
    const auto end = ::getrlimit(RLIMIT_NOFILE, &most) == 0 ? std::min<rlim_t>(most.rlim_cur, 65536) : 65536;
    for (auto i = static_cast<int>(first); i < static_cast<int>(end); ++i) ::fcntl(i, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void become(const launch& what) noexcept {
    // Our parent may have died before the first line took effect.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != what.parent) ::_exit(cannot_start);
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);  // it must notice when nobody reads any more
    if (::dup2(what.input, STDIN_FILENO) >= 0 && ::dup2(what.output, STDOUT_FILENO) >= 0 &&
        ::dup2(what.errors, STDERR_FILENO) >= 0) {
        close_on_exec_from(3);
        ::execve(what.program, what.arguments, what.environment);
    }
    const int reason = errno;
    if (::write(what.failure, &reason, sizeof reason) < 0) ::_exit(cannot_start + 1);
    ::_exit(cannot_start);
}

/// 0 when the program runs: exec closed the other end.
int reason_of_failure(const descriptor& failure) noexcept {
    int reason = 0;
    while (::read(failure.get(), &reason, sizeof reason) < 0 && errno == EINTR) {
    }
    return reason;
}

/// A copy that is no standard stream, which dup2 would overwrite before it is used; of /dev/null for -1.
descriptor copy_of(int from) {
    if (from >= 0) return descriptor(::fcntl(from, F_DUPFD_CLOEXEC, 3));
    const descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    return descriptor(::fcntl(null.get(), F_DUPFD_CLOEXEC, 3));
}

}  // namespace

descriptor::descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

descriptor& descriptor::operator=(descriptor&& other) noexcept {
    if (this != &other) {
        close();
        number_ = std::exchange(other.number_, -1);
    }
    return *this;
}

void descriptor::close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

result<stream> make_stream() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errc::unavailable);
    return stream{descriptor(ends[0]), descriptor(ends[1])};
}

result<child_process> child_process::start(const command& what, int input, int output) {
    auto errors = make_stream(), failure = make_stream();
    if (!errors || !failure) return fail(errc::unavailable);
    const auto in = copy_of(input), out = copy_of(output);
    auto err = copy_of(errors->to_write.get()), told = copy_of(failure->to_write.get());
    if (!in || !out || !err || !told) return fail(errc::unavailable);
    const auto arguments = pointers(what.arguments, &what.program), environment = pointers(what.environment);
    const launch plan{.program = what.program.c_str(),
                      .arguments = arguments.data(),
                      .environment = environment.data(),
                      .input = in.get(),
                      .output = out.get(),
                      .errors = err.get(),
                      .failure = told.get(),
                      .parent = ::getpid()};
    const auto id = ::fork();
    if (id == 0) become(plan);
    if (id < 0) return fail(errc::unavailable);
    child_process made(id, std::move(errors->to_read));
    for (auto* ours : {&errors->to_write, &failure->to_write, &err, &told}) ours->close();
    ::fcntl(made.errors_.get(), F_SETFL, O_NONBLOCK);
    const auto reason = reason_of_failure(failure->to_read);
    if (reason == 0) return made;
    return fail(reason == ENOENT || reason == EACCES ? errc::not_found : errc::unavailable);
}

child_process::child_process(child_process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      errors_(std::move(other.errors_)),
      status_(other.status_),
      messages_(std::move(other.messages_)) {}

child_process& child_process::operator=(child_process&& other) noexcept {
    if (this == &other) return *this;
    kill();
    id_ = std::exchange(other.id_, -1);
    errors_ = std::move(other.errors_);
    status_ = other.status_;
    messages_ = std::move(other.messages_);
    return *this;
}

child_process::~child_process() { kill(); }

void child_process::read_messages() {
    std::array<char, 4096> bytes{};
    while (errors_) {
        const auto count = ::read(errors_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;  // nothing more now
        if (count == 0) return errors_.close();
        messages_.append(bytes.data(), static_cast<std::size_t>(count));
        if (messages_.size() > kept_messages) messages_.erase(0, messages_.size() - kept_messages);
    }
}

void child_process::reap(int options) noexcept {
    if (status_ || id_ < 0) return;
    int state = 0;
    pid_t done = 0;
    while ((done = ::waitpid(id_, &state, options)) < 0 && errno == EINTR) {
    }
    if (done == 0) return;
    // Somebody else who reaped it (done < 0) leaves us without its status.
    status_ = done < 0 ? cannot_start : WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

bool child_process::ended() {
    reap(WNOHANG);
    read_messages();
    return status_.has_value();
}

void child_process::kill() noexcept {
    if (id_ < 0 || status_) return;
    ::kill(-id_, SIGKILL);
    ::kill(id_, SIGKILL);  // it may not have made its group yet
    reap(0);
}

result<void> patience::left() const {
    if (std::chrono::steady_clock::now() >= until) return fail(errc::deadline_exceeded);
    if (stop && stop()) return fail(errc::unavailable, "asked to stop");
    return {};
}

result<void> wait_for(std::span<child_process* const> all, const patience& how_long) {
    const auto kill_all = [&](result<void> why) {
        for (auto* one : all) {
            one->kill();
            (void)one->ended();  // for its last words
        }
        return why;
    };
    auto pause = 1ms;  // most programs that are waited for are at their end
    for (;;) {
        const auto failed = [](child_process* one) { return one->ended() && one->status() != 0; };
        if (std::ranges::any_of(all, failed)) return kill_all(fail(errc::internal));
        if (std::ranges::all_of(all, [](child_process* one) { return one->ended(); })) return {};
        if (auto left = how_long.left(); !left) return kill_all(std::move(left));
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(tick));
    }
}

bool wait_ready(int descriptor, short events) {
    pollfd one{.fd = descriptor, .events = events, .revents = 0};
    return ::poll(&one, 1, static_cast<int>(tick.count())) > 0;
}

}  // namespace bulkhead::runtime
