// SPDX-License-Identifier: Apache-2.0
// The table of settings. A new setting is one row in a file of rows/ and one member in settings.hpp; reading,
// checking, aliases, the start-up report and infra/env.example follow from it. Built once, read from any
// thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/parsers.hpp"
#include "config/settings.hpp"

namespace bulkhead::config {

enum class program { api, worker, migrator };

/// A set of programs, one bit each.
using program_set = unsigned;
[[nodiscard]] constexpr program_set only(program one) { return 1U << static_cast<unsigned>(one); }

/// What a default may depend on, besides the settings of earlier rows.
struct circumstances {
    program running = program::api;
    bool terminal = false;  // stdout is one
};

/// Another name for a setting. `convert` turns what that name holds into what the setting holds.
struct alias {
    std::string_view name;
    parsed<std::string> (*convert)(std::string_view) = nullptr;  // nullptr: the same
};

enum class shown { plain, secret, url };  // how the report prints a value; url: without its password

struct row {
    std::string_view name;
    std::vector<alias> aliases{};
    program_set programs = 0;
    std::string_view type;        // for people: "1-65535"
    std::string_view fallback{};  // parsed when nothing is set; empty: the member stays as it is
    // Instead of `fallback`, which then only documents; may give "" for none.
    std::string (*computed)(const circumstances&, const settings& so_far) = nullptr;
    std::string_view hint{};  // "required: <hint>"; empty: not required
    shown show = shown::plain;
    bool blank_is_default = false;  // PORT: empty or a literal "$PORT" warns and gets the default
    std::function<parsed<void>(settings&, std::string_view)> parse;
    std::string_view example{};  // in env.example, when there is no literal default
    std::string_view help;
};

/// All rows, in the order they are read; ENVIRONMENT comes first, because defaults depend on it.
std::span<const row> table();

}  // namespace bulkhead::config
