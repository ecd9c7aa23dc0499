// SPDX-License-Identifier: Apache-2.0
#include "observability/crash_notes.hpp"

#include <unistd.h>

namespace bulkhead::crash_notes {
namespace {

constexpr std::size_t tries = 8;
constexpr std::size_t of_one_thread = 64;  // threads begin to look this far from each other

constinit std::array<slot, most_notes> slots{};
constinit std::atomic<std::size_t> threads{0};

/// Where a thread looks for its next slot.
struct place {
    pid_t thread = ::gettid();
    std::size_t first = threads.fetch_add(1) * of_one_thread;
    std::size_t next = 0;
};

slot* take() noexcept {
    thread_local place here;
    for (std::size_t i = 0; i < tries; ++i) {
        auto& candidate = slots[(here.first + here.next) % most_notes];
        if (!candidate.taken.exchange(true, std::memory_order_acquire)) {
            candidate.thread = here.thread;
            return &candidate;
        }
        here.next = (here.next + 1) % of_one_thread;
    }
    return nullptr;
}

}  // namespace

note::note(std::string_view request_id) noexcept : slot_(take()) {
    if (!slot_) return;
    slot_->route = {};
    slot_->tenant.set({});
    slot_->user.set({});
    slot_->request.set(request_id);
}

std::span<const slot> all() noexcept { return slots; }

}  // namespace bulkhead::crash_notes
