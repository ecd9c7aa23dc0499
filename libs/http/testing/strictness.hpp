// SPDX-License-Identifier: Apache-2.0
// What the server lets in, byte for byte: requests as clients, careless proxies and attackers send them, each
// with its fate. One file per subject; to add a case, add a line to the table of its subject. Constant data.
//
// Sources: "9110 5.5" is a section of that RFC. The others are public collections whose ideas, not texts, are
// here: "probe" Http11Probe, "garden" http-garden's list of bugs found, "smuggler" http-request-smuggler,
// "llhttp" the strict tests of node's parser, "ours" found here.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::http::testing {

/// What becomes of a request; the refusals by their status. After a refusal the connection is closed.
enum class fate : unsigned {
    unfinished = 0,  // more bytes are waited for
    followed = 1,    // accepted, and the bytes behind it belong to the next request
    served = 200,    // accepted, all of it
    malformed = 400,
    too_large = 413,
    long_line = 414,
    expectation = 417,
    long_headers = 431,
    unknown = 501,
    version = 505,
};

/// The largest body in these tables; a larger one is too_large.
inline constexpr std::size_t strictness_body_limit = 64;

struct strict_row {
    std::string_view name;    // what is special about it; unique within its table
    std::string_view source;  // who demands or tried it
    std::string_view text;    // stands between the subject's `before` and `after`
    fate wanted = fate::malformed;
    std::string_view body{};      // when served: the decoded body
    std::string_view path = "/";  // when served: the path, still encoded
};

/// A part of a request in which something can be wrong, and what stands around it.
struct strict_subject {
    std::string_view name, before, after;
    std::span<const strict_row> rows;
};

}  // namespace bulkhead::http::testing
