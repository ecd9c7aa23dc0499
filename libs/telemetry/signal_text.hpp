// SPDX-License-Identifier: Apache-2.0
// Text put together in a buffer of fixed size, for signal handlers: nothing is allocated, nothing is locked,
// what does not fit is cut off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bulkhead::telemetry {

template <std::size_t Capacity>
class signal_text {
public:
    signal_text& add(std::string_view text) noexcept {
        const auto count = text.size() < Capacity - size_ ? text.size() : Capacity - size_;
        std::memcpy(text_.data() + size_, text.data(), count);
        size_ += count;
        return *this;
    }

    signal_text& add_hex(std::uint64_t number) noexcept { return add("0x").add_digits(number, 16, 1); }

    /// With zeros in front, at least `width` digits.
    signal_text& add_number(std::uint64_t number, unsigned width = 1) noexcept {
        return add_digits(number, 10, width);
    }

    /// One line of it in JSON's and everybody's eyes: control characters, quotes and what is not ASCII become
    /// "?".
    signal_text& add_clean(std::string_view text) noexcept {
        for (const char c : text) {
            const char kept = c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
            add({&kept, 1});
        }
        return *this;
    }

    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

private:
    signal_text& add_digits(std::uint64_t number, unsigned base, unsigned width) noexcept {
        std::array<char, 64> digits;
        std::size_t at = digits.size();
        do {
            digits[--at] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number != 0);
        while (digits.size() - at < width) digits[--at] = '0';
        return add({digits.data() + at, digits.size() - at});
    }

    std::array<char, Capacity> text_{};
    std::size_t size_ = 0;
};

}  // namespace bulkhead::telemetry
