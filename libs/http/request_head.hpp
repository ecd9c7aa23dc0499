// SPDX-License-Identifier: Apache-2.0
// The request line and header lines of one request, after request_reader has found them well-formed.
// All views point into the connection's buffer: they live until the caller drops or moves those bytes.
// One object serves a connection for its whole life; nothing is allocated per request.
#pragma once

#include <array>
#include <boost/beast/http/verb.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/limits.hpp"

namespace bulkhead::http {

using verb = boost::beast::http::verb;

struct header {
    std::string_view name, value;  // as received; the value without surrounding blanks
};

class request_head {
public:
    verb method = verb::unknown;
    std::string_view method_text{};
    std::string_view target{};  // as received
    std::string_view path{};    // still percent-encoded; starts with "/", or is "*"
    std::string_view query{};   // still percent-encoded, without "?"
    // host[:port]: of the target if that is absolute, else of the Host line; "" only in HTTP/1.0.
    std::string_view host{};
    bool asterisk = false;       // OPTIONS *
    unsigned version_minor = 1;  // 0 or 1; higher ones are read as 1

    // What the header lines mean for the connection. At most one of content_length and chunked is set;
    // neither: the request has no body.
    std::optional<std::uint64_t> content_length{};
    bool chunked = false;
    bool keep_alive = true;
    bool expect_continue = false;  // the client waits for "100 Continue" before it sends the body

    [[nodiscard]] bool has_body() const noexcept { return chunked || content_length.value_or(0) > 0; }

    /// The header lines in the order of arrival.
    [[nodiscard]] std::span<const header> headers() const noexcept { return {lines_.data(), count_}; }

    /// The value of the first line with this name (ASCII case-insensitive); an empty value is not nullopt.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;

    /// How many lines have this name.
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

    /// Appends a line; false when max_header_count are held.
    bool add(header line) noexcept;

    /// Back to the state of a new object.
    void clear() noexcept;

private:
    std::size_t count_ = 0;
    std::array<header, max_header_count> lines_{};
};

}  // namespace bulkhead::http
