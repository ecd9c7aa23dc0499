// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/slots.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.hpp"

namespace bulkhead::redis {
namespace {

constexpr std::array<std::uint16_t, 256> crc_table() {
    std::array<std::uint16_t, 256> table{};
    for (unsigned byte = 0; byte < table.size(); ++byte) {
        unsigned crc = byte << 8;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        table[byte] = static_cast<std::uint16_t>(crc);
    }
    return table;
}

std::uint16_t crc16(std::string_view bytes) noexcept {
    static constexpr auto table = crc_table();
    unsigned crc = 0;
    for (const char c : bytes) crc = ((crc << 8) ^ table[(crc >> 8 ^ static_cast<unsigned char>(c)) & 0xff]);
    return static_cast<std::uint16_t>(crc);
}

/// Where the first key of a command stands: no key at all, after a word, or at a place that may follow the
/// number of keys.
enum class place { none, second, third, fourth, after_count, after_streams };

constexpr std::pair<std::string_view, place> unusual[] = {
    {"PING", place::none},
    {"ECHO", place::none},
    {"TIME", place::none},
    {"INFO", place::none},
    {"ROLE", place::none},
    {"PUBLISH", place::none},
    {"MULTI", place::none},
    {"EXEC", place::none},
    {"DISCARD", place::none},
    {"UNWATCH", place::none},
    {"SCRIPT", place::none},
    {"FUNCTION", place::none},
    {"CONFIG", place::none},
    {"CLIENT", place::none},
    {"CLUSTER", place::none},
    {"COMMAND", place::none},
    {"ACL", place::none},
    {"LATENCY", place::none},
    {"SLOWLOG", place::none},
    {"DBSIZE", place::none},
    {"FLUSHDB", place::none},
    {"FLUSHALL", place::none},
    {"KEYS", place::none},
    {"SCAN", place::none},
    {"RANDOMKEY", place::none},
    {"LASTSAVE", place::none},
    {"BGSAVE", place::none},
    {"WAIT", place::none},
    {"WAITAOF", place::none},
    {"EVAL", place::after_count},
    {"EVALSHA", place::after_count},
    {"EVAL_RO", place::after_count},
    {"EVALSHA_RO", place::after_count},
    {"FCALL", place::after_count},
    {"FCALL_RO", place::after_count},
    {"LMPOP", place::third},
    {"ZMPOP", place::third},
    {"ZUNION", place::third},
    {"ZINTER", place::third},
    {"ZDIFF", place::third},
    {"ZINTERCARD", place::third},
    {"SINTERCARD", place::third},
    {"OBJECT", place::third},
    {"MEMORY", place::third},
    {"XINFO", place::third},
    {"XGROUP", place::third},
    {"BITOP", place::third},
    {"BLMPOP", place::fourth},
    {"BZMPOP", place::fourth},
    {"XREAD", place::after_streams},
    {"XREADGROUP", place::after_streams},
};

place place_in(std::string_view command) noexcept {
    for (const auto& [name, where] : unusual)
        if (iequals(name, command)) return where;
    return place::second;
}

std::optional<std::string_view> nth(const std::vector<std::string>& argv, std::size_t n) noexcept {
    return n < argv.size() ? std::optional<std::string_view>(argv[n]) : std::nullopt;
}

template <class Number>
std::optional<Number> to_number(std::string_view text) noexcept {
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint16_t> slot_in(const redis_reply& reply) noexcept {
    const auto number = reply.integer();
    if (!number || *number < 0 || *number >= slot_count) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

/// [host, port, id, …]. The host is "" or nil where nodes announce none, "?" where its name is not known.
std::optional<redis_address> node_in(const redis_reply& reply, const redis_address& asked) {
    const auto* parts = reply.elements();
    if (!parts || parts->size() < 2) return std::nullopt;
    const auto port = (*parts)[1].integer();
    if (!port || *port <= 0 || *port > 65535) return std::nullopt;
    const auto host = (*parts)[0].text().value_or("");
    if (host == "?") return std::nullopt;
    return redis_address{host.empty() ? asked.host : std::string(host), static_cast<std::uint16_t>(*port)};
}

std::optional<slot_range> range_in(const redis_reply& reply, const redis_address& asked) {
    const auto* parts = reply.elements();
    if (!parts || parts->size() < 3) return std::nullopt;
    const auto first = slot_in((*parts)[0]);
    const auto last = slot_in((*parts)[1]);
    auto primary = node_in((*parts)[2], asked);
    if (!first || !last || *first > *last || !primary) return std::nullopt;
    slot_range out{*first, *last, *std::move(primary), {}};
    for (std::size_t i = 3; i < parts->size(); ++i)
        if (auto replica = node_in((*parts)[i], asked)) out.replicas.push_back(*std::move(replica));
    return out;
}

}  // namespace

std::uint16_t slot_of_key(std::string_view key) noexcept {
    const auto open = key.find('{');
    if (open != std::string_view::npos) {
        const auto close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % slot_count;
}

std::optional<std::string_view> first_key(const std::vector<std::string>& argv) noexcept {
    if (argv.empty()) return std::nullopt;
    switch (place_in(argv.front())) {
        case place::none: return std::nullopt;
        case place::second: return nth(argv, 1);
        case place::third: return nth(argv, 2);
        case place::fourth: return nth(argv, 3);
        case place::after_count: return nth(argv, 2) == "0" ? std::nullopt : nth(argv, 3);
        case place::after_streams: break;
    }
    const auto word = std::ranges::find_if(argv, [](const auto& each) { return iequals(each, "STREAMS"); });
    return nth(argv, static_cast<std::size_t>(word - argv.begin()) + 1);
}

std::optional<std::uint16_t> slot_of_command(const std::vector<std::string>& argv) noexcept {
    const auto key = first_key(argv);
    return key ? std::optional(slot_of_key(*key)) : std::nullopt;
}

std::vector<slot_range> read_slots(const redis_reply& reply, const redis_address& asked) {
    std::vector<slot_range> out;
    const auto* ranges = reply.elements();
    if (!ranges) return out;
    for (const auto& each : *ranges)
        if (auto range = range_in(each, asked)) out.push_back(*std::move(range));
    return out;
}

std::optional<redirection> read_redirection(std::string_view message, const redis_address& asked) {
    const auto words = split(message, ' ');
    if (words.size() != 3 || (words[0] != "MOVED" && words[0] != "ASK")) return std::nullopt;
    const auto slot = to_number<std::uint16_t>(words[1]);
    const auto colon = words[2].rfind(':');  // the last one: an IPv6 address stands without brackets
    if (!slot || *slot >= slot_count || colon == std::string_view::npos) return std::nullopt;
    const auto port = to_number<std::uint16_t>(words[2].substr(colon + 1));
    if (!port || *port == 0) return std::nullopt;
    const auto host = words[2].substr(0, colon);
    if (host == "?") return std::nullopt;
    return redirection{*slot, {host.empty() ? asked.host : std::string(host), *port}};
}

}  // namespace bulkhead::redis
