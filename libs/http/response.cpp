// SPDX-License-Identifier: Apache-2.0
#include "http/response.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <stdexcept>

#include "base/time.hpp"
#include "http/content_source.hpp"
#include "http/security_headers.hpp"

namespace bulkhead::http {
namespace {

bool has_control(std::string_view value) {
    return std::ranges::any_of(value, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    if (has_control(value)) throw std::logic_error(fmt::format("control character in header {}", name));
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::uint64_t response::content_size() const noexcept { return source ? source->size() : content().size(); }

bool may_have_content(status code) noexcept {
    return code != status::no_content && code != status::reset_content && code != status::not_modified &&
           static_cast<unsigned>(code) >= 200;
}

std::string_view current_http_date() {
    thread_local std::string text;
    thread_local time_t second = 0;
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != second) {
        second = now.tv_sec;
        text = to_http_date(utc_time{std::chrono::seconds{second}});
    }
    return text;
}

void append_response(std::string& out, const response& answer, const framing& how) {
    const auto reason = boost::beast::http::obsolete_reason(answer.code);
    fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n",
                   static_cast<unsigned>(answer.code), std::string_view(reason.data(), reason.size()),
                   current_http_date());
    if (may_have_content(answer.code)) {
        const auto size = answer.content_size();
        if (size > 0) append_header(out, "Content-Type", answer.content_type);
        fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", size);
    } else if (answer.code == status::reset_content) {
        // Unlike 204 and 304 it would be read until the end of the connection (RFC 9112 section 6.3).
        out += "Content-Length: 0\r\n";
    }
    append_header(out, "X-Request-ID", how.request_id);
    append_security_headers(out, answer, how.secure);
    for (const auto& [name, value] : answer.headers) append_header(out, name, value);
    if (!how.keep_alive)
        out += "Connection: close\r\n";
    else if (how.version_minor == 0)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
    if (may_have_content(answer.code) && !how.head_request && !answer.source) out += answer.content();
}

}  // namespace bulkhead::http
