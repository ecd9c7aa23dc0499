// SPDX-License-Identifier: Apache-2.0
// A request for unit tests, from its text, as the connection would see it.
#pragma once

#include <stdexcept>
#include <string>

#include "http/exchange.hpp"
#include "http/request_reader.hpp"

namespace bulkhead::http::testing {

class parsed_request {
public:
    /// `lines` are header lines, each with its CRLF; Host is api.example.com.
    explicit parsed_request(std::string_view method, std::string_view lines = "", bool secure = false)
        : text_(std::string(method) + " /x HTTP/1.1\r\nHost: api.example.com\r\n" + std::string(lines) +
                "\r\n") {
        const limits bounds;
        if (request_reader(bounds).read_head(text_, head_).state != progress::complete)
            throw std::invalid_argument("not a request: " + text_);
        origin_.secure = secure;
    }
    parsed_request(const parsed_request&) = delete;
    parsed_request& operator=(const parsed_request&) = delete;

    [[nodiscard]] const request_head& head() const noexcept { return head_; }
    [[nodiscard]] http::exchange exchange() const {
        return {head_, nothing_, "r1", origin_, runtime::deadline::in(std::chrono::seconds{1})};
    }

private:
    const std::string text_;
    request_head head_{};
    request_origin origin_{};
    services nothing_{};
};

}  // namespace bulkhead::http::testing
