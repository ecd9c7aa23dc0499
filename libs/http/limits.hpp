// SPDX-License-Identifier: Apache-2.0
// Every bound of one HTTP/1.1 connection: sizes, counts, rates and times, with their defaults.
// Plain data: filled once at start-up, then only read, from any thread. Readers keep a reference to it.
#pragma once

#include <chrono>
#include <cstddef>

namespace bulkhead::http {

/// The most header lines a request_head can hold; limits::header_count is capped at it.
inline constexpr std::size_t max_header_count = 100;

struct limits {
    // The head. RFC 9110 section 4.1 wants URIs of 8000 octets to pass.
    std::size_t request_line = 8 * 1024;     // bytes without CRLF; over: 414
    std::size_t header_section = 16 * 1024;  // header lines with their CRLFs and the empty line; over: 431
    std::size_t header_count = max_header_count;  // over: 431
    std::size_t leading_blank_lines = 2;  // CRLFs tolerated before a request line (RFC 9112 section 2.2)

    // The framing of a chunked body. Its content is bounded by the route's body limit.
    std::size_t chunk_line = 256;  // bytes of one chunk-size line, extensions included, no CRLF
    std::size_t chunk_extensions_total = 4 * 1024;  // bytes of all extensions of one body
    std::size_t trailer_section = 4 * 1024;  // trailer lines with their CRLFs and the empty line; over: 431
    std::size_t trailer_count = 16;          // over: 431

    // TLS: from the accepted connection to the first byte of HTTP.
    std::chrono::milliseconds handshake_timeout{5'000};

    // Reading.
    std::chrono::milliseconds head_timeout{5'000};   // from the first byte to the end of the head; over: 408
    std::chrono::milliseconds body_timeout{10'000};  // plus the body's size divided by body_rate; over: 408
    std::size_t body_rate = 500;                     // bytes per second, at least
    std::chrono::milliseconds body_absolute_timeout{60'000};

    // Writing.
    std::size_t write_rate = 240;  // bytes per second, at least, after the grace
    std::chrono::milliseconds write_grace{5'000};
    std::chrono::milliseconds write_absolute_timeout{30'000};
    std::size_t content_rate = 16 * 1024;  // bytes per second, at least, of content that is read while it is
                                           // sent: its size divided by this comes on top of the above

    // The connection. A proxy in front must give up idle connections earlier than this.
    std::chrono::milliseconds keep_alive_idle{15'000};
    std::size_t requests_per_connection = 1000;
    std::chrono::milliseconds connection_age{3'600'000};
    std::size_t connections = 10'000;  // of the whole process

    // A request may be on its way while we close (RFC 9112 section 9.5): when the server stops, a connection
    // that was busy just now is given this long to bring it, and whoever is closed for being idle is read
    // from this long so that what comes is not answered with a reset.
    std::chrono::milliseconds quiet_before_close{250};

    // After an early answer, read on this much or this long so that the client gets to see it before a reset.
    std::size_t lingering_bytes = 64 * 1024;
    std::chrono::milliseconds lingering_time{2'000};
};

}  // namespace bulkhead::http
