// SPDX-License-Identifier: Apache-2.0
// Every command in one row: its words, what follows them, and its help. The parser takes positional arguments
// and options from the synopsis that people read, so that the two cannot differ. Constants; any thread.
#pragma once

#include <span>
#include <string_view>

#include "arguments.hpp"

namespace bulkhead::migrator {

/// SYNOPSIS is made of words in capitals (positional arguments; the first of them may stand in brackets when
/// it may be left out) and of options, with their values, in brackets or not. Every command takes --json.
struct command_row {
    command run;
    std::string_view group;  // "tenant"; empty for commands of one word
    std::string_view verb;   // "create", "up"
    std::string_view synopsis;
    std::string_view help;
};

std::span<const command_row> command_table() noexcept;

}  // namespace bulkhead::migrator
