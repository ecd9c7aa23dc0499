// SPDX-License-Identifier: Apache-2.0
#include "http/request_reader.hpp"

#include <cassert>
#include <cstring>

#include "http/char_class.hpp"
#include "http/request_fields.hpp"
#include "http/request_line.hpp"

namespace bulkhead::http {

read_outcome request_reader::read_head(std::string_view buffer, request_head& out) {
    assert(buffer.size() >= scanned_);
    const auto refused = [](const refusal& why) { return read_outcome{progress::refused, 0, why}; };
    bool request_line_is_parsed = false;  // in this call, so that its views are into this buffer
    for (;;) {
        const auto left = buffer.size() - scanned_;
        const void* feed = left == 0 ? nullptr : std::memchr(buffer.data() + scanned_, '\n', left);
        const auto line_end =
            feed ? static_cast<std::size_t>(static_cast<const char*>(feed) - buffer.data()) : buffer.size();
        // Without a line feed, `line_end` is the earliest place where one could be: the same bytes are
        // refused for the same reason however they are cut into pieces.
        if (auto done = check_bounds(buffer, line_end); !done) return refused(done.error());
        scanned_ = line_end;
        if (!feed) return {};

        const bool ends_head = fields_ != 0 && line_end == line_ + 1;
        if (auto done = take_line(buffer, line_end, out); !done) return refused(done.error());
        if (line_ == fields_) request_line_is_parsed = true;
        if (!ends_head) continue;
        if (auto done = parse(buffer, request_line_is_parsed, out); !done) return refused(done.error());
        reset();
        return {progress::complete, line_end + 1, {}};
    }
}

checked request_reader::check_bounds(std::string_view buffer, std::size_t line_end) const {
    if (fields_ != 0) {
        if (line_end + 1 - fields_ <= limits_->header_section) return {};
        return refuse(errc::headers_too_large, "the header section is too large");
    }
    // Whoever speaks another protocol (TLS, say) need not wait for a line end to be told.
    if (line_ < buffer.size() && !is(char_class::token, buffer[line_]) && buffer[line_] != '\r')
        return malformed("invalid method");
    if (line_end - line_ <= limits_->request_line + 1) return {};  // + 1: the CR
    if (buffer.substr(line_, limits_->request_line).find(' ') == std::string_view::npos)
        return malformed("invalid method");
    return refuse(errc::uri_too_long, "the request line is too long");
}

checked request_reader::take_line(std::string_view buffer, std::size_t line_end, request_head& out) {
    if (line_end == line_ || buffer[line_end - 1] != '\r') return malformed("a line does not end with CRLF");
    const auto line = buffer.substr(line_, line_end - 1 - line_);
    const auto begin = line_;
    line_ = scanned_ = line_end + 1;
    if (fields_ != 0) {
        if (line.empty() || ++line_count_ <= limits_->header_count) return {};
        return refuse(errc::headers_too_large, "too many header lines");
    }
    if (line.empty()) {
        if (++line_count_ <= limits_->leading_blank_lines) return {};
        return malformed("empty lines instead of a request");
    }
    request_line_ = begin;
    fields_ = line_;
    line_count_ = 0;
    out.clear();
    return parse_request_line(line, out);
}

checked request_reader::parse(std::string_view buffer, bool request_line_is_parsed, request_head& out) const {
    if (!request_line_is_parsed) {
        out.clear();
        const auto line = buffer.substr(request_line_, fields_ - 2 - request_line_);
        if (auto done = parse_request_line(line, out); !done) return done;
    }
    constexpr std::size_t empty_line = 2;
    return parse_request_fields(buffer.substr(fields_, line_ - empty_line - fields_), out);
}

}  // namespace bulkhead::http
