// SPDX-License-Identifier: Apache-2.0
// Two readings of the same bytes, where they part, and the known reasons for that. Plain data; one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/testing/read_stream.hpp"

namespace bulkhead::fuzz {

/// What llhttp made of a stream.
struct second_reading {
    std::vector<http::testing::read_request> requests{};  // whole ones
    std::string error{};                                  // its code, empty: none
    bool upgraded = false;  // it stopped because the connection is no longer HTTP to it
};

enum class parting {
    we_refuse,        // it has a request that we refuse
    it_refuses,       // we have a request that it refuses
    only_it_ends,     // it has a request that we still read, or have not begun
    only_we_end,      // the other way round
    meaning,          // both have a request, and it differs
    we_refuse_early,  // we refuse what it still reads
    it_refuses_early,
};

/// The first place where the readings part.
struct difference {
    parting kind;
    std::string_view bytes;
    const http::testing::read_stream_result& ours;
    const second_reading& theirs;
    std::size_t at;  // the index of the request

    [[nodiscard]] const http::testing::read_request* our_request() const {
        return at < ours.requests.size() ? &ours.requests[at] : nullptr;
    }
    [[nodiscard]] const http::testing::read_request* their_request() const {
        return at < theirs.requests.size() ? &theirs.requests[at] : nullptr;
    }
};

/// nullopt: they agree on every request, and on whether the rest is one.
std::optional<difference> first_difference(std::string_view bytes,
                                           const http::testing::read_stream_result& ours,
                                           const second_reading& theirs);

/// A reason to differ, and how to see that it is the one.
struct known_difference {
    std::string_view name;
    std::string_view why;
    bool (*explains)(const difference&);
};
std::span<const known_difference> known_differences();

}  // namespace bulkhead::fuzz
