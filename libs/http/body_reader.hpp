// SPDX-License-Identifier: Apache-2.0
// Takes the body of one request off the wire (RFC 9112 sections 6 and 7), bounded at every step.
// No I/O and no clock. One per request, one thread. The limits must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/limits.hpp"
#include "http/read_outcome.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

class body_reader {
public:
    /// For the body of the request that `head` begins; `max_size` bounds its decoded bytes. `head` is not
    /// kept.
    body_reader(const request_head& head, const limits& bounds, std::uint64_t max_size) noexcept;

    /// Takes what it can from `input`, which continues where the last call stopped and may be empty, and
    /// appends the decoded bytes to `out`. need_more consumes all of `input`; complete consumes up to the end
    /// of the body, what follows is the next request. refused: 413 when the announced length or a chunk is
    /// over the maximum, known before a byte of it is taken (`out` never grows beyond it); 431 for trailers
    /// over their limits; 400 for broken or wasteful chunk lines. Without a body it is complete at once.
    ///
    /// Chunked coding is read strictly: 1 to 16 hex digits, CRLF everywhere, extensions by the grammar of
    /// section 7.1.1, whose blanks around ";" and "=" a recipient must take (RFC 9110 section 5.6.3); nowhere
    /// else is one. Extensions are ignored. Trailers obey the rules of header lines and are dropped, never
    /// merged into the head (section 7.1.2).
    [[nodiscard]] read_outcome read(std::string_view input, std::string& out);

private:
    enum class state {
        done,
        sized,  // a body of known length
        // Chunked: each names what the next byte belongs to.
        chunk_size_first,
        chunk_size,
        extension_gap,  // blanks before ";"
        extension_name_first,
        extension_name,
        extension_name_gap,  // blanks before "=" or ";"
        extension_value_first,
        extension_token,
        extension_quoted,
        extension_escaped,
        extension_end,  // behind a quoted value
        chunk_line_feed,
        chunk_data,
        chunk_data_return,
        chunk_data_feed,
        trailer_first,
        trailer_name,
        trailer_value,
        trailer_feed,
        last_feed,
    };

    std::size_t copy(std::string_view input, std::string& out);
    [[nodiscard]] checked step(char c);
    [[nodiscard]] checked step_size(char c);
    [[nodiscard]] checked step_extension(char c);
    [[nodiscard]] checked step_trailer(char c);
    [[nodiscard]] checked expect(char c, char wanted, state next);
    // The state that `c` leads to; nullopt when it must not stand there.
    [[nodiscard]] static std::optional<state> after_extension_byte(state now, char c) noexcept;
    [[nodiscard]] static std::optional<state> after_trailer_byte(state now, char c) noexcept;

    const limits* limits_;
    state state_ = state::done;
    std::uint64_t allowed_ = 0;    // decoded bytes that may still come
    std::uint64_t remaining_ = 0;  // of the sized body or of this chunk; in chunk_size: its value so far
    unsigned digits_ = 0;          // of this chunk size
    std::size_t line_bytes_ = 0;   // of this chunk line
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    std::size_t trailer_count_ = 0;
};

}  // namespace bulkhead::http
