// SPDX-License-Identifier: Apache-2.0
// The bytes of a connection that are read but not yet used: one flat, bounded block. A head that has been
// parsed stays where it is (views point into it) while the body behind it is read and used up piece by piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace bulkhead::http {

class input_buffer {
public:
    input_buffer(std::size_t initial, std::size_t most)
        : capacity_(initial), most_(most), bytes_(std::make_unique_for_overwrite<char[]>(initial)) {}

    /// Everything unused behind the pinned head.
    [[nodiscard]] std::string_view unused() const noexcept {
        return {bytes_.get() + pinned_, end_ - pinned_};
    }
    [[nodiscard]] bool empty() const noexcept { return end_ == pinned_; }

    /// Free room to read into; empty when the bound is reached. May move the bytes, but not while a head is
    /// pinned.
    std::span<char> room() {
        if (end_ == capacity_ && pinned_ == 0 && capacity_ < most_) grow(std::min(capacity_ * 2, most_));
        return {bytes_.get() + end_, capacity_ - end_};
    }
    void commit(std::size_t count) noexcept { end_ += count; }

    /// Drops `count` bytes from the front of unused().
    void consume(std::size_t count) noexcept {
        std::memmove(bytes_.get() + pinned_, bytes_.get() + pinned_ + count, end_ - pinned_ - count);
        end_ -= count;
    }

    /// Makes sure that `room` bytes fit behind the first `head` ones. True: the bytes have moved, and views
    /// must be taken again.
    bool reserve_behind(std::size_t head, std::size_t room) {
        if (capacity_ - head >= room) return false;
        grow(head + room);
        return true;
    }
    /// Keeps the first `count` bytes of unused() in place until unpin().
    void pin(std::size_t count) noexcept { pinned_ = count; }
    /// Forgets the pinned bytes.
    void unpin() noexcept {
        const auto left = end_ - pinned_;
        std::memmove(bytes_.get(), bytes_.get() + pinned_, left);
        pinned_ = 0;
        end_ = left;
    }

    /// Gives memory back; does nothing while there are bytes in it.
    void shrink(std::size_t capacity) {
        if (end_ != 0 || capacity_ <= capacity) return;
        bytes_ = std::make_unique_for_overwrite<char[]>(capacity);
        capacity_ = capacity;
    }

private:
    void grow(std::size_t capacity) {
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        std::memcpy(larger.get(), bytes_.get(), end_);
        bytes_ = std::move(larger);
        capacity_ = capacity;
    }

    std::size_t capacity_;
    std::size_t most_;
    std::size_t pinned_ = 0;
    std::size_t end_ = 0;
    std::unique_ptr<char[]> bytes_;
};

}  // namespace bulkhead::http
