// SPDX-License-Identifier: Apache-2.0
// The binary formats of PostgreSQL that we use: integers in network byte order, timestamps as microseconds
// since 2000-01-01 (PostgreSQL documentation, chapter "Frontend/Backend Protocol").
#pragma once

#include <bit>
#include <chrono>
#include <concepts>
#include <cstring>

#include "base/time.hpp"

namespace bulkhead::postgres::wire {

/// The types that we send and read (their numbers never change: catalog pg_type).
namespace oid {
inline constexpr unsigned boolean = 16, int8 = 20, int2 = 21, int4 = 23, text = 25, varchar = 1043,
                          timestamptz = 1184, uuid = 2950;
}  // namespace oid

inline constexpr utc_time epoch{std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};

template <std::integral T>
constexpr T to_big_endian(T value) noexcept {
    return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

/// The integer at `bytes`, which holds at least sizeof(T).
template <std::integral T>
T from_big_endian(const char* bytes) noexcept {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return to_big_endian(value);
}

}  // namespace bulkhead::postgres::wire
