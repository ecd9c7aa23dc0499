// SPDX-License-Identifier: Apache-2.0
// Gathers lines and writes them to a descriptor that may be slow, stuck, full or closed, without ever failing
// or waiting for longer than its patience. Belongs to one thread; only lost() may be called from others.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace bulkhead::log {

class line_writer {
public:
    /// `fd` is borrowed. SIGPIPE must be blocked or ignored in the thread that flushes.
    explicit line_writer(int fd, std::chrono::milliseconds patience = std::chrono::seconds(1));

    /// Adds one line, given in pieces, without its line end.
    void append(std::initializer_list<std::string_view> pieces);

    [[nodiscard]] std::size_t size() const noexcept { return batch_.size(); }

    /// Writes the batch. What the descriptor refuses, or does not take within the patience, is given up;
    /// after that it is not waited for again until it has taken something.
    void flush();

    /// Whether the last batch went out as a whole.
    [[nodiscard]] bool healthy() const noexcept { return healthy_; }

    /// Lines given up so far.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

private:
    [[nodiscard]] std::size_t write_some(std::string_view rest);
    [[nodiscard]] bool wait_writable();

    const int fd_;
    const std::chrono::milliseconds patience_;
    std::size_t chunk_;
    std::string batch_;
    bool healthy_ = true;
    bool stalled_ = false;
    bool broken_line_ = false;  // the last thing written was the start of a line
    std::atomic<std::uint64_t> lost_{0};
};

/// One line to stderr, now. A closed stderr does no harm, not even SIGPIPE.
void write_to_stderr(std::string line);

}  // namespace bulkhead::log
