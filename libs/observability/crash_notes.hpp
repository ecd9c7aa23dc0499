// SPDX-License-Identifier: Apache-2.0
// What a thread is busy with, written down where a handler of crashes can read it: in memory that is never
// allocated nor freed. A note costs one uncontended exchange and the copies of what is noted. Made and
// dropped on any thread; it is counted to the thread that made it.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>

namespace bulkhead::crash_notes {

/// Notes that can be taken at a time, over all threads; of requests beyond these nothing is known.
inline constexpr std::size_t most_notes = 1024;

/// A short text that may be read at any moment: what is not written yet, or not any more, is zeros.
template <std::size_t Capacity>
class text {
public:
    void set(std::string_view value) noexcept {
        const auto count = value.size() < Capacity ? value.size() : Capacity - 1;
        for (std::size_t i = 0; i < count; ++i) bytes_[i] = value[i];
        bytes_[count] = '\0';
    }
    [[nodiscard]] std::string_view view() const noexcept { return bytes_.data(); }

private:
    std::array<char, Capacity> bytes_{};
};

/// A request under way.
struct alignas(64) slot {
    std::atomic<bool> taken{false};
    pid_t thread = 0;
    std::string_view route{};  // static text
    text<64> request{};
    text<40> tenant{};
    text<40> user{};
};

/// Keeps a slot while it lives, if there is one.
class note {
public:
    explicit note(std::string_view request_id) noexcept;
    note(const note&) = delete;
    note& operator=(const note&) = delete;
    ~note() {
        if (slot_) slot_->taken.store(false, std::memory_order_release);
    }

    /// `path` is static text.
    void set_route(std::string_view path) noexcept {
        if (slot_) slot_->route = path;
    }
    void set_tenant(std::string_view slug) noexcept {
        if (slot_) slot_->tenant.set(slug);
    }
    void set_user(std::string_view id) noexcept {
        if (slot_) slot_->user.set(id);
    }

private:
    slot* slot_;
};

/// All slots, taken or not. Safe in a signal handler.
[[nodiscard]] std::span<const slot> all() noexcept;

}  // namespace bulkhead::crash_notes
