// SPDX-License-Identifier: Apache-2.0
#include "observability/trace.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "base/random.hpp"
#include "base/text.hpp"

namespace bulkhead::trace {
namespace {

std::optional<std::uint8_t> digit(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    return std::nullopt;
}

/// As many bytes as `out` takes, from twice as many characters.
template <std::size_t Bytes>
bool read_hex(std::string_view text, std::array<std::uint8_t, Bytes>& out) noexcept {
    for (std::size_t i = 0; i < Bytes; ++i) {
        const auto high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (!high || !low) return false;
        out[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return true;
}

std::mt19937_64& generator() {
    thread_local std::mt19937_64 numbers = [] {
        const auto noise = random_bytes(64);
        std::seed_seq seed(noise.begin(), noise.end());
        return std::mt19937_64(seed);
    }();
    return numbers;
}

template <class Id>
Id random_id() {
    Id out{};
    while (out == Id{})
        for (std::size_t at = 0; at < out.size(); at += sizeof(std::uint64_t)) {
            const std::uint64_t word = generator()();
            std::memcpy(out.data() + at, &word, sizeof word);
        }
    return out;
}

/// key "=" value (section 3.3.1.3), the alphabet of keys a little wider.
bool is_list_member(std::string_view member) {
    constexpr std::size_t longest = 256;
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals > longest) return false;
    const auto key = member.substr(0, equals), value = member.substr(equals + 1);
    const auto of_key = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
               c == '/' || c == '@';
    };
    const auto of_value = [](char c) { return c >= ' ' && c <= '~' && c != '=' && c != ','; };
    return !value.empty() && value.size() <= longest && std::ranges::all_of(key, of_key) &&
           std::ranges::all_of(value, of_value);
}

}  // namespace

std::optional<context> parse_traceparent(std::string_view value) noexcept {
    constexpr std::size_t whole = 55;  // "00-" 32 "-" 16 "-" 2
    if (value.size() < whole || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
    std::array<std::uint8_t, 1> version{}, flags{};
    context out;
    if (!read_hex(value, version) || !read_hex(value.substr(3), out.trace) ||
        !read_hex(value.substr(36), out.span) || !read_hex(value.substr(53), flags))
        return std::nullopt;
    if (version[0] == 0xff || out.trace == trace_id{} || out.span == span_id{}) return std::nullopt;
    if (value.size() > whole && (version[0] == 0 || value[whole] != '-')) return std::nullopt;
    out.sampled = (flags[0] & 1) != 0;
    out.random = (flags[0] & 2) != 0;
    return out;
}

std::string clean_tracestate(std::string_view joined) {
    constexpr std::size_t longest = 512, most_members = 32;
    std::string out;
    std::size_t members = 0;
    for (const auto piece : split(joined, ',')) {
        const auto member = trim(piece);
        if (member.empty()) continue;
        if (++members > most_members || !is_list_member(member)) return {};
        if (!out.empty()) out += ',';
        out += member;
    }
    return out.size() <= longest ? out : std::string{};
}

trace_id random_trace_id() { return random_id<trace_id>(); }

span_id random_span_id() { return random_id<span_id>(); }

sampler::sampler(double ratio) noexcept
    : threshold_(static_cast<std::uint64_t>(std::ldexp(std::clamp(ratio, 0.0, 1.0), 56))) {}

bool sampler::chooses(const trace_id& id) const noexcept {
    std::uint64_t part = 0;
    for (std::size_t i = 9; i < id.size(); ++i) part = part << 8 | id[i];
    return part < threshold_;
}

}  // namespace bulkhead::trace
