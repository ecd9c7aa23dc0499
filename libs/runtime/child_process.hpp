// SPDX-License-Identifier: Apache-2.0
// Another program, run without a shell: its streams are descriptors of the caller's, its last messages are
// kept, and it never outlives what started it: it is killed with this object and, should we be killed, by the
// kernel. Used by one thread, the one that started it: the kernel kills it when that thread ends. Never on a
// reactor: what reads and writes its streams blocks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace bulkhead::runtime {

/// A file descriptor that is closed with this object; -1 is none.
class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept;
    descriptor& operator=(descriptor&& other) noexcept;
    ~descriptor() { close(); }

    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
    void close() noexcept;

private:
    int number_ = -1;
};

/// The two ends of a stream from one program to another. Closed on exec: a program gets only what it is
/// given. errc::unavailable when there are no descriptors left.
struct stream {
    descriptor to_read;
    descriptor to_write;
};
result<stream> make_stream();

struct command {
    std::string program;                     // its path
    std::vector<std::string> arguments{};    // visible to everybody on the machine: no secrets
    std::vector<std::string> environment{};  // all of it, "NAME=value"
};

class child_process {
public:
    /// Starts it in a process group of its own. Its stdin comes from `input` and its stdout goes to `output`,
    /// which stay the caller's to close; -1 is /dev/null. errc::not_found when there is no such program,
    /// errc::unavailable when the system has no process or descriptor left.
    static result<child_process> start(const command& what, int input = -1, int output = -1);

    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&& other) noexcept;
    /// Kills what still runs.
    ~child_process();

    /// Takes in what it wrote to stderr and whether it has ended. Does not wait. Call it at least every few
    /// hundred milliseconds: a program whose messages nobody reads stops.
    bool ended();

    /// Once it has ended: its exit status, or 128 and the number of the signal that killed it.
    [[nodiscard]] int status() const noexcept { return status_.value_or(-1); }

    /// The last 4 KiB of its stderr.
    [[nodiscard]] std::string_view messages() const noexcept { return messages_; }

    /// Kills it and what it has started, and waits for its end.
    void kill() noexcept;

private:
    child_process(pid_t id, descriptor errors) noexcept : id_(id), errors_(std::move(errors)) {}
    void read_messages();
    void reap(int options) noexcept;

    pid_t id_ = -1;
    descriptor errors_;
    std::optional<int> status_;
    std::string messages_;
};

/// When to break off.
struct patience {
    std::chrono::steady_clock::time_point until;
    const std::function<bool()>& stop;  // may be empty; asked about 20 times a second

    /// errc::deadline_exceeded after `until`, errc::unavailable when asked to stop.
    [[nodiscard]] result<void> left() const;
};

/// Waits until all have ended with status 0. When one fails, or the patience ends, all are killed and the
/// error returned: that of `patience`, or errc::internal for a program that failed.
result<void> wait_for(std::span<child_process* const> all, const patience& how_long);

/// Waits until `descriptor` can be read (POLLIN) or written (POLLOUT), for 50 ms at most. False: not yet.
bool wait_ready(int descriptor, short events);

}  // namespace bulkhead::runtime
