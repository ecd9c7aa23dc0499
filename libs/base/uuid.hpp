// SPDX-License-Identifier: Apache-2.0
// 128-bit identifiers. New ones are version 7 (RFC 9562 section 5.7): they sort by creation time, which keeps
// primary keys append-only. Ids made by one thread strictly increase.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead {

struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    /// A new version 7 id.
    static uuid generate();

    /// The canonical form only: 8-4-4-4-12 hex digits, either case (RFC 9562 section 4).
    static std::optional<uuid> parse(std::string_view text) noexcept;

    /// Lower case, 36 characters.
    [[nodiscard]] std::string to_string() const;
    void append_to(std::string& out) const;

    /// Lower case hex without hyphens, 32 characters: fit for a database or role name.
    [[nodiscard]] std::string to_compact() const;

    friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// The time and counter fields of version 7 ids (RFC 9562 section 6.2, method 1). They never repeat and never
/// go back, whatever the clock does.
struct uuid_sequence {
    std::uint64_t ms = 0;       // since 1970, 48 bits
    std::uint32_t counter = 0;  // 12 bits; starts below half so that there is room to count

    /// On to the next pair, at the clock's `now_ms`; `noise` starts the counter of a new millisecond.
    void advance(std::uint64_t now_ms, std::uint8_t noise) noexcept;
};

}  // namespace bulkhead

template <>
struct std::hash<bulkhead::uuid> {
    std::size_t operator()(const bulkhead::uuid& id) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
    }
};
