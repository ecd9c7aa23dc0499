// SPDX-License-Identifier: Apache-2.0
#include "schema/page.hpp"

#include <charconv>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/text.hpp"

namespace bulkhead::schema {
namespace {

constexpr std::size_t check_size = 6;
constexpr std::size_t id_size = 36;  // as text

constexpr utc_time earliest = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
constexpr utc_time past_latest = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1};

std::string check_of(std::string_view list, std::string_view last) {
    std::string text(list);
    text += '\0';
    text += last;
    return sha256(text).to_string().substr(0, check_size);
}

std::unexpected<error> unknown_cursor() {
    return fail_field("/query/cursor", "unknown_cursor",
                      "use next_cursor of the page before, with the same order and filters");
}

}  // namespace

std::string make_cursor(std::string_view list, std::string_view last) {
    return to_base64url(check_of(list, last).append(last));
}

result<std::string> read_cursor(std::string_view list, std::string_view cursor) {
    const auto raw = from_base64url(cursor);
    if (raw && raw->size() > check_size) {
        auto last = raw->substr(check_size);
        const bool text = is_utf8(last) && last.find('\0') == std::string::npos;
        if (text && check_of(list, last) == raw->substr(0, check_size)) return last;
    }
    return unknown_cursor();
}

std::string make_cursor(std::string_view list, const row_key& last) {
    return make_cursor(list, last.id.to_string() + last.value);
}

result<row_key> read_row_cursor(std::string_view list, std::string_view cursor) {
    auto key = read_cursor(list, cursor);
    if (!key) return std::unexpected(std::move(key.error()));
    const auto id = uuid::parse(std::string_view(*key).substr(0, id_size));
    if (!id) return unknown_cursor();
    return row_key{.value = key->substr(id_size), .id = *id};
}

std::string key_value(utc_time time) { return std::to_string(time.time_since_epoch().count()); }

result<std::int64_t> read_key_number(std::string_view value) {
    std::int64_t number = 0;
    const auto* const end = value.data() + value.size();
    const auto [rest, failed] = std::from_chars(value.data(), end, number);
    if (failed != std::errc{} || rest != end) return unknown_cursor();
    return number;
}

result<utc_time> read_key_time(std::string_view value) {
    const auto number = read_key_number(value);
    if (!number) return std::unexpected(number.error());
    const utc_time time{std::chrono::microseconds{*number}};
    if (time < earliest || time >= past_latest) return unknown_cursor();
    return time;
}

}  // namespace bulkhead::schema
