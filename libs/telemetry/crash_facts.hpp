// SPDX-License-Identifier: Apache-2.0
// What a program that crashes can find out about itself, in its signal handler: only what signal-safety(7)
// lists is called, and backtrace(), which is safe once it has been called before. A look at a stack in pieces
// may crash, too; it is then taken back.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>

namespace bulkhead::telemetry {

/// The crash as far as the program itself can tell.
struct crash_facts {
    static constexpr int most_frames = 64;

    int number = 0;
    std::uintptr_t address = 0;  // that was accessed
    pid_t thread_id = 0;
    std::array<char, 17> thread{};
    std::array<void*, most_frames> stack{};
    int first = 0, count = 0;  // the part of the stack below the handler
    timespec when{};

    [[nodiscard]] std::span<void* const> frames() const noexcept {
        return {stack.data() + first, static_cast<std::size_t>(count - first)};
    }
};

/// On the thread that crashed, with what its handler was given.
void collect(crash_facts& out, int number, const siginfo_t* info, const void* context) noexcept;

/// For a handler that the same thread enters once more: goes back into the collect() that made it crash, and
/// does not return; does nothing when it was not that.
void resume_collecting() noexcept;

}  // namespace bulkhead::telemetry
