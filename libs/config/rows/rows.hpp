// SPDX-License-Identifier: Apache-2.0
// The rows of the table by what they are about, and the words they are written in. Private to this library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "config/table.hpp"

namespace bulkhead::config {

std::vector<row> general_rows();
std::vector<row> report_rows();
std::vector<row> http_rows();
std::vector<row> edge_rows();
std::vector<row> mail_rows();
std::vector<row> storage_rows();
std::vector<row> queue_rows();
std::vector<row> webhook_rows();
std::vector<row> secret_rows();

namespace rows {

inline constexpr program_set api = only(program::api);
inline constexpr program_set worker = only(program::worker);
inline constexpr program_set migrator = only(program::migrator);
inline constexpr program_set servers = api | worker;
inline constexpr program_set everyone = servers | migrator;

inline constexpr std::int64_t second = 1000;
inline constexpr std::int64_t minute = 60 * second;
inline constexpr std::int64_t hour = 60 * minute;
inline constexpr std::int64_t day = 24 * hour;
inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::size_t gib = 1024 * mib;

/// The parser of a row: what `parse` makes of the text goes into `member`.
template <class Member, class Value>
auto into(Member settings::*member, parsed<Value> (*parse)(std::string_view)) {
    return [member, parse](settings& out, std::string_view text) -> parsed<void> {
        auto value = parse(text);
        if (!value) return std::unexpected(std::move(value).error());
        out.*member = *std::move(value);
        return {};
    };
}

using so_far = const settings&;

inline unsigned core_count() { return std::max(std::thread::hardware_concurrency(), 1U); }
inline std::string one_per_core(const circumstances&, so_far) { return std::to_string(core_count()); }

/// 0 is one per core.
inline parsed<unsigned> parse_threads(std::string_view text) {
    auto count = parse_number<unsigned, 0, 256>(text);
    if (count && *count == 0) count = core_count();
    return count;
}

inline bool is_production(so_far values) { return values.env == environment::production; }

}  // namespace rows
}  // namespace bulkhead::config
