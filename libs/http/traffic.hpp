// SPDX-License-Identifier: Apache-2.0
// Classes of requests that are admitted apart from each other, so that a flood of one kind does not take the
// place of another.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace bulkhead::http {

enum class traffic {
    by_row,  // as the rest of the row says
    read,
    write,
    auth,    // hashes a password: a third of a second of a processor
    bulk,    // work of the platform, which may be waited for
    exempt,  // never refused: probes, and what is answered from memory
};

/// The classes that have a gate: those from `read` to `bulk`.
inline constexpr std::size_t lane_count = 4;
inline constexpr std::array<std::string_view, lane_count> lane_names{"read", "write", "auth", "bulk"};

}  // namespace bulkhead::http
