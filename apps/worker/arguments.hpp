// SPDX-License-Identifier: Apache-2.0
// The command line of operators, parsed and checked without touching anything. Plain values.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "queue/kind.hpp"

namespace bulkhead::worker {

enum class command { help, stats, list, show, retry, cancel, discard, explain, fsck, enqueue };

struct arguments {
    command run = command::help;
    bool json = false;
    std::string tenant{};     // slug
    std::vector<uuid> ids{};  // of jobs
    bool failed = false;      // retry, discard: all that have failed
    bool repair = false;      // fsck

    std::string state{};  // as the API names them; empty: any
    std::string kind{};   // empty: any
    unsigned limit = 50;

    // enqueue
    std::string payload = "{}";
    std::optional<utc_time> run_at{};
    std::optional<queue::priority> priority{};
    std::string unique_key{};
};

/// Whether these words are for operators: the program does not serve then.
[[nodiscard]] bool is_command(std::span<const std::string_view> words);

/// The words after the program's name. The error is one line for stderr (exit status 2).
[[nodiscard]] std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words);

/// The text of --help.
[[nodiscard]] std::string_view usage();

}  // namespace bulkhead::worker
