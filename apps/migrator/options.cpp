// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/time.hpp"

namespace bulkhead::migrator {
namespace {

problem choose(arguments& out, target databases) {
    if (out.databases != target::everything) return "--control, --tenants and --tenant exclude each other";
    out.databases = databases;
    return std::nullopt;
}

template <std::string arguments::*Member>
problem store(arguments& out, std::string_view value) {
    if (value.empty()) return "the value is empty";
    out.*Member = value;
    return std::nullopt;
}

template <bool arguments::*Member>
problem turn_on(arguments& out, std::string_view) {
    out.*Member = true;
    return std::nullopt;
}

std::optional<std::int64_t> to_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

problem set_to(arguments& out, std::string_view value) {
    out.to = to_number(value);
    if (!out.to || *out.to < 1) return fmt::format("\"{}\" is not the number of a migration", value);
    return std::nullopt;
}

template <limit_argument arguments::*Member>
problem set_limit(arguments& out, std::string_view value) {
    constexpr std::int64_t most = 9'007'199'254'740'991;  // of tenancy::quota
    const auto number = to_number(value);
    if (value != "none" && (!number || *number < 0 || *number > most))
        return fmt::format("\"{}\" is neither a number nor \"none\"", value);
    out.*Member = {.given = true, .value = number};
    return std::nullopt;
}

problem set_status(arguments& out, std::string_view value) {
    constexpr std::array statuses{"provisioning", "active", "suspended", "maintenance", "deleted", "purging"};
    if (std::ranges::find(statuses, value) == statuses.end())
        return fmt::format("\"{}\" is none of {}", value, fmt::join(statuses, ", "));
    return store<&arguments::status>(out, value);
}

problem set_pause(arguments& out, std::string_view value) {
    const auto pause = parse_duration(value);
    if (!pause || *pause < std::chrono::seconds(1) || *pause > std::chrono::hours(1))
        return fmt::format("\"{}\" is not a time from 1s to 1h", value);
    out.max_pause = *pause;
    return std::nullopt;
}

constexpr std::array options{
    option{"--control", false, [](arguments& out, std::string_view) { return choose(out, target::control); }},
    option{"--tenants", false,
           [](arguments& out, std::string_view) { return choose(out, target::all_tenants); }},
    option{"--tenant", true,
           [](arguments& out, std::string_view value) {
               if (auto wrong = choose(out, target::one_tenant)) return wrong;
               return store<&arguments::slug>(out, value);
           }},
    option{"--to", true, set_to},
    option{"--dry-run", false, turn_on<&arguments::dry_run>},
    option{"--json", false, turn_on<&arguments::json>},
    option{"--if-absent", false, turn_on<&arguments::if_absent>},
    option{"--name", true, store<&arguments::name>},
    option{"--owner-email", true, store<&arguments::owner_email>},
    option{"--owner-name", true, store<&arguments::owner_name>},
    option{"--owner-password-file", true, store<&arguments::owner_password_file>},
    option{"--server", true, store<&arguments::server>},
    option{"--reason", true, store<&arguments::reason>},
    option{"--status", true, set_status},
    option{"--confirm", true, store<&arguments::confirm>},
    option{"--users", true, set_limit<&arguments::users>},
    option{"--requests-per-minute", true, set_limit<&arguments::requests_per_minute>},
    option{"--storage-bytes", true, set_limit<&arguments::storage_bytes>},
    option{"--jobs-in-flight", true, set_limit<&arguments::jobs_in_flight>},
    option{"--url-file", true, store<&arguments::file>},
    option{"--output", true, store<&arguments::file>},
    option{"--max-pause", true, set_pause},
    option{"--credentials", false, turn_on<&arguments::credentials>},
};

struct place {
    std::string_view name;
    std::string arguments::*member;
};
constexpr std::array places{
    place{"SLUG", &arguments::slug},
    place{"NEW", &arguments::new_slug},
    place{"FILE", &arguments::file},
    place{"NAME", &arguments::server},
    place{"HOST:PORT|none", &arguments::pooler},
};

}  // namespace

const option* find_option(std::string_view name) noexcept {
    const auto* const found = std::ranges::find(options, name, &option::name);
    return found == options.end() ? nullptr : found;
}

std::string arguments::*positional_member(std::string_view name) noexcept {
    const auto* const found = std::ranges::find(places, name, &place::name);
    return found == places.end() ? nullptr : found->member;
}

}  // namespace bulkhead::migrator
