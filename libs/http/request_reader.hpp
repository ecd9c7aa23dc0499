// SPDX-License-Identifier: Apache-2.0
// Finds and parses the head of the next request in a connection's buffer: HTTP/1.1, strict (RFC 9112).
// No I/O and no clock: the connection feeds it bytes and keeps the deadlines. One per connection, one thread.
// The limits must outlive it.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/limits.hpp"
#include "http/read_outcome.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

class request_reader {
public:
    explicit request_reader(const limits& bounds) noexcept : limits_(&bounds) {}

    /// Looks at `buffer`, all bytes that are not consumed yet. After need_more, call again with the same
    /// bytes and more behind them (at another address if need be): no byte is searched twice, so a client
    /// that sends one byte at a time costs no more than any other. complete: `out` is filled with views into
    /// `buffer`, `consumed` bytes are the head and the reader is ready for the next one. refused: `out` is
    /// unspecified; answer with the refusal's status and close. Every line must end with CRLF, and one or two
    /// empty lines before the request line are skipped. 400 also: a method of the length of a whole request
    /// line. 414: request line too long. 431: header section too long or too many lines. Others:
    /// request_line.hpp and request_fields.hpp.
    [[nodiscard]] read_outcome read_head(std::string_view buffer, request_head& out);

    /// Forgets a head that was begun: the next call starts at the first byte of its buffer.
    void reset() noexcept { *this = request_reader(*limits_); }

    /// More than empty lines has arrived: a slow client has now run into the head timeout, not into the idle
    /// one.
    [[nodiscard]] bool started() const noexcept { return fields_ != 0 || scanned_ > line_; }

private:
    [[nodiscard]] checked check_bounds(std::string_view buffer, std::size_t line_end) const;
    [[nodiscard]] checked take_line(std::string_view buffer, std::size_t line_end, request_head& out);
    [[nodiscard]] checked parse(std::string_view buffer, bool request_line_is_parsed,
                                request_head& out) const;

    const limits* limits_;
    std::size_t line_ = 0;          // where the line that is being searched begins
    std::size_t scanned_ = 0;       // bytes before this one were searched for line ends
    std::size_t request_line_ = 0;  // where the request line began
    std::size_t fields_ = 0;        // where the header lines begin; 0: the request line is not complete
    std::size_t line_count_ = 0;    // header lines, or empty lines before the request line
};

}  // namespace bulkhead::http
