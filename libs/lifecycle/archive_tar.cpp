// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/archive_tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>

namespace bulkhead::lifecycle {
namespace {

struct place {
    std::size_t at;
    std::size_t size;
};
constexpr place name_field{0, 100}, mode_field{100, 8}, user_field{108, 8}, group_field{116, 8},
    size_field{124, 12}, time_field{136, 12}, sum_field{148, 8}, type_field{156, 1}, link_field{157, 100},
    magic_field{257, 8}, prefix_field{345, 155};
constexpr std::string_view ustar("ustar\00000", 8);
constexpr std::uint64_t octal_end = std::uint64_t{1} << 33;  // eleven octal digits

using block = std::array<char, tar_block>;

void put(block& out, place where, std::string_view text) {
    std::memcpy(out.data() + where.at, text.data(), std::min(text.size(), where.size));
}

void put_octal(block& out, place where, std::uint64_t value) {
    put(out, where, fmt::format("{:0{}o}", value, where.size - 1));
}

void put_size(block& out, std::uint64_t size) {
    if (size < octal_end) return put_octal(out, size_field, size);
    out[size_field.at] = static_cast<char>(0x80);
    for (std::size_t i = 0; i < 8; ++i)
        out[size_field.at + size_field.size - 1 - i] = static_cast<char>(size >> (8 * i) & 0xff);
}

std::string_view field(std::string_view in, place where) { return in.substr(where.at, where.size); }

std::string_view text(std::string_view in, place where) {
    const auto whole = field(in, where);
    return whole.substr(0, whole.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view digits) {
    while (!digits.empty() && (digits.back() == ' ' || digits.back() == '\0')) digits.remove_suffix(1);
    std::uint64_t value = 0;
    const auto* const end = digits.data() + digits.size();
    const auto [stopped, failed] = std::from_chars(digits.data(), end, value, 8);
    if (failed != std::errc{} || stopped != end) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> size_of(std::string_view in) {
    const auto digits = field(in, size_field);
    if (digits[0] != static_cast<char>(0x80)) return octal(digits);
    std::uint64_t value = 0;
    for (std::size_t i = 1; i < digits.size(); ++i) {
        if (value >> 55 != 0) return std::nullopt;  // larger than any file
        value = value << 8 | static_cast<unsigned char>(digits[i]);
    }
    return value;
}

/// The sum of all bytes, with the field of the sum itself as spaces.
std::uint64_t checksum(std::string_view in) {
    const auto add = [](std::uint64_t sum, char c) { return sum + static_cast<unsigned char>(c); };
    const auto own = field(in, sum_field);
    return std::accumulate(in.begin(), in.end(), std::uint64_t{0}, add) -
           std::accumulate(own.begin(), own.end(), std::uint64_t{0}, add) + sum_field.size * ' ';
}

}  // namespace

std::array<char, tar_block> tar_header(const tar_member& of, std::time_t modified) {
    block out{};
    put(out, name_field, of.name);
    put_octal(out, mode_field, 0600);
    put_octal(out, user_field, 0);
    put_octal(out, group_field, 0);
    put_size(out, of.size);
    put_octal(out, time_field, static_cast<std::uint64_t>(std::max<std::time_t>(modified, 0)));
    out[type_field.at] = '0';
    put(out, magic_field, ustar);
    const auto sum = checksum({out.data(), out.size()});
    put(out, sum_field, fmt::format("{:06o}", sum));
    out[sum_field.at + 7] = ' ';  // after a NUL, by custom
    return out;
}

std::optional<tar_member> read_tar_header(std::string_view in) {
    if (in.size() != tar_block) return std::nullopt;
    const auto sum = octal(field(in, sum_field));
    const auto size = size_of(in);
    const auto type = in[type_field.at];
    // GNU's own spelling of the magic is "ustar  ".
    const bool plain = (type == '0' || type == '\0') && in.substr(magic_field.at, 5) == "ustar" &&
                       text(in, link_field).empty() && text(in, prefix_field).empty();
    if (!sum || *sum != checksum(in) || !size || !plain) return std::nullopt;
    return tar_member{std::string(text(in, name_field)), *size};
}

}  // namespace bulkhead::lifecycle
