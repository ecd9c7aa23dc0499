// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.hpp"

#include <algorithm>
#include <chrono>

#include "base/encoding.hpp"
#include "base/random.hpp"

namespace bulkhead {
namespace {

constexpr std::array<std::size_t, 4> hyphens{8, 13, 18, 23};
constexpr std::uint32_t max_counter = 0xfff;

std::uint64_t unix_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

void uuid_sequence::advance(std::uint64_t now_ms, std::uint8_t noise) noexcept {
    if (now_ms > ms) {
        ms = now_ms;
        counter = std::uint32_t{noise} << 3;
    } else if (++counter > max_counter) {
        ++ms;  // a little ahead of the clock, which soon catches up
        counter = 0;
    }
}

uuid uuid::generate() {
    thread_local uuid_sequence sequence;
    const auto noise = random_bytes(9);
    sequence.advance(unix_milliseconds(), static_cast<std::uint8_t>(noise[0]));
    uuid id;
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(sequence.ms >> (40 - 8 * i));
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | sequence.counter >> 8);
    id.bytes[7] = static_cast<std::uint8_t>(sequence.counter);
    std::copy(noise.begin() + 1, noise.end(), id.bytes.begin() + 8);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

std::optional<uuid> uuid::parse(std::string_view text) noexcept {
    if (text.size() != 36) return std::nullopt;
    std::array<char, 32> digits{};
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool hyphen = std::ranges::find(hyphens, i) != hyphens.end();
        if ((text[i] == '-') != hyphen) return std::nullopt;
        if (!hyphen) digits[used++] = text[i];
    }
    const auto raw = from_hex({digits.data(), digits.size()});
    if (!raw) return std::nullopt;
    uuid id;
    std::copy(raw->begin(), raw->end(), id.bytes.begin());
    return id;
}

void uuid::append_to(std::string& out) const {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, 36> text{};
    auto* to = text.data();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    out.append(text.data(), text.size());
}

std::string uuid::to_string() const {
    std::string out;
    out.reserve(36);
    append_to(out);
    return out;
}

std::string uuid::to_compact() const {
    return to_hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace bulkhead
