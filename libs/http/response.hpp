// SPDX-License-Identifier: Apache-2.0
// An answer before it is written, and how it becomes bytes.
#pragma once

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace bulkhead::http {

using status = boost::beast::http::status;

class content_source;

inline constexpr std::string_view json_content_type = "application/json; charset=utf-8";

struct response {
    status code = status::ok;
    std::string_view content_type = json_content_type;  // static text
    std::string body{};
    std::string_view static_body{};  // instead of `body`, for bytes that live as long as the program
    std::shared_ptr<content_source> source{};  // instead of both, for what is read while it is sent
    std::vector<std::pair<std::string_view, std::string>> headers{};  // names are static text
    std::optional<errc> failure{};                                    // what it says, when it is a problem

    [[nodiscard]] std::string_view content() const noexcept {
        return static_body.empty() ? body : static_body;
    }
    /// Bytes of the content, wherever they come from.
    [[nodiscard]] std::uint64_t content_size() const noexcept;
    response& header(std::string_view name, std::string value) {
        headers.emplace_back(name, std::move(value));
        return *this;
    }
    [[nodiscard]] bool has_header(std::string_view name) const noexcept {
        return std::ranges::any_of(headers, [&](const auto& each) { return each.first == name; });
    }
};

/// A 204, 205 or 304 never has content (RFC 9110 section 6.4.1).
[[nodiscard]] bool may_have_content(status code) noexcept;

/// What the connection knows and the handler does not.
struct framing {
    unsigned version_minor = 1;  // of the request
    bool head_request = false;   // content is announced, not sent
    bool keep_alive = true;
    bool secure = false;          // request_origin::secure: the answer travels over TLS
    std::string_view request_id;  // goes out as X-Request-ID
};

/// Appends status line, header section and content to `out`; what a `source` gives is left to the caller.
/// Every response carries Date, X-Request-ID and what security_headers.hpp adds. Header values with control
/// characters would split the response: they are a bug and throw std::logic_error.
void append_response(std::string& out, const response& answer, const framing& how);

/// "Sun, 06 Nov 1994 08:49:37 GMT" of now, formatted once a second and thread.
std::string_view current_http_date();

}  // namespace bulkhead::http
