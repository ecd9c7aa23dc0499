// SPDX-License-Identifier: Apache-2.0
// Counts of this process alone, for as long as Redis cannot be asked. Shared by all reactors, so that a limit
// holds for the process as a whole; behind a lock, which is taken in that time only. Forgets who has not come
// for longest when too many do.
#pragma once

#include <array>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "ratelimit/sliding_window.hpp"

namespace bulkhead::ratelimit {

/// Of one subject; as many are used as its policy has.
using window_states = std::array<sliding_window, most_windows>;

class local_counts {
public:
    /// About `most` subjects are remembered, at least half of it.
    explicit local_counts(std::size_t most = 131'072) : generation_(most / 2) {}

    /// Counts a request for all of its subjects, or for none.
    standing check(std::span<const subject> of, milliseconds now);

    /// What is counted in the first window of a subject.
    [[nodiscard]] std::int64_t counted(const subject& of, milliseconds now) const;

    [[nodiscard]] std::size_t entries() const;

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    using table = std::unordered_map<std::string, window_states, hash, std::equal_to<>>;

    void forget(std::size_t coming);
    window_states& find(const std::string& key);

    const std::size_t generation_;
    mutable std::mutex guard_;
    table young_, old_;  // whoever comes is young; when those are many, the old are dropped and they are old
};

}  // namespace bulkhead::ratelimit
