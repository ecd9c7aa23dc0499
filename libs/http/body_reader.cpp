// SPDX-License-Identifier: Apache-2.0
#include "http/body_reader.hpp"

#include <algorithm>

#include "http/char_class.hpp"

namespace bulkhead::http {
namespace {

constexpr refusal too_large{errc::content_too_large, "the body is over the limit of this resource"};

}  // namespace

body_reader::body_reader(const request_head& head, const limits& bounds, std::uint64_t max_size) noexcept
    : limits_(&bounds), allowed_(max_size) {
    if (head.chunked) {
        state_ = state::chunk_size_first;
    } else if (head.has_body()) {
        state_ = state::sized;
        remaining_ = *head.content_length;
    }
}

read_outcome body_reader::read(std::string_view input, std::string& out) {
    if (state_ == state::sized && remaining_ > allowed_) return {progress::refused, 0, too_large};
    std::size_t at = 0;
    while (state_ != state::done) {
        if (at == input.size()) return {progress::need_more, at, {}};
        if (state_ == state::sized || state_ == state::chunk_data) {
            at += copy(input.substr(at), out);
        } else if (auto done = step(input[at]); done) {
            ++at;
        } else {
            return {progress::refused, at, done.error()};
        }
    }
    return {progress::complete, at, {}};
}

std::size_t body_reader::copy(std::string_view input, std::string& out) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
    out.append(input.substr(0, size));
    remaining_ -= size;
    allowed_ -= size;
    if (remaining_ == 0) state_ = state_ == state::sized ? state::done : state::chunk_data_return;
    return size;
}

checked body_reader::step(char c) {
    switch (state_) {
        case state::chunk_size_first:
        case state::chunk_size: return step_size(c);
        case state::chunk_line_feed:
            return expect(c, '\n', remaining_ == 0 ? state::trailer_first : state::chunk_data);
        case state::chunk_data_return: return expect(c, '\r', state::chunk_data_feed);
        case state::chunk_data_feed: return expect(c, '\n', state::chunk_size_first);
        case state::trailer_first:
        case state::trailer_name:
        case state::trailer_value:
        case state::trailer_feed:
        case state::last_feed: return step_trailer(c);
        default: return step_extension(c);
    }
}

checked body_reader::expect(char c, char wanted, state next) {
    if (c != wanted) return malformed("a chunk does not end with CRLF");
    state_ = next;
    return {};
}

checked body_reader::step_size(char c) {
    constexpr unsigned max_digits = 16;  // fits 64 bits
    if (state_ == state::chunk_size_first) {
        digits_ = 0;
        remaining_ = 0;
        line_bytes_ = 0;
        state_ = state::chunk_size;
    }
    if (is(char_class::hex, c)) {
        if (++digits_ > max_digits || ++line_bytes_ > limits_->chunk_line)
            return malformed("chunk size too long");
        remaining_ = remaining_ * 16 + hex_value(c);
        return {};
    }
    if (digits_ == 0 || (c != '\r' && c != ';' && !is_blank(c))) return malformed("invalid chunk size");
    if (remaining_ > allowed_) return std::unexpected(too_large);
    return step_extension(c);
}

checked body_reader::step_extension(char c) {
    const auto next = after_extension_byte(state_, c);
    if (!next) return malformed("invalid chunk extension");
    state_ = *next;
    if (c == '\r') return {};
    if (++line_bytes_ > limits_->chunk_line || ++extension_bytes_ > limits_->chunk_extensions_total)
        return malformed("chunk extensions too long");
    return {};
}

std::optional<body_reader::state> body_reader::after_extension_byte(state now, char c) noexcept {
    using enum state;
    using enum char_class;
    const auto if_token = [c](state then) { return is(token, c) ? std::optional(then) : std::nullopt; };
    std::optional<state> end_of_extension;
    if (c == ';') end_of_extension = extension_name_first;
    if (c == '\r') end_of_extension = chunk_line_feed;
    if (is_blank(c)) end_of_extension = extension_gap;
    switch (now) {
        case extension_gap:  // an extension must follow: blanks before the line end are none
            return c == '\r' ? std::nullopt : end_of_extension;
        case extension_name_first: return is_blank(c) ? extension_name_first : if_token(extension_name);
        case extension_name:
            if (c == '=') return extension_value_first;
            if (is_blank(c)) return extension_name_gap;
            return is(token, c) ? extension_name : end_of_extension;
        case extension_name_gap:
            if (c == '=') return extension_value_first;
            if (is_blank(c)) return extension_name_gap;
            return c == ';' ? end_of_extension : std::nullopt;
        case extension_value_first:
            if (is_blank(c)) return extension_value_first;
            if (c == '"') return extension_quoted;
            return if_token(extension_token);
        case extension_token: return is(token, c) ? extension_token : end_of_extension;
        case extension_quoted:
            if (c == '"') return extension_end;
            if (c == '\\') return extension_escaped;
            [[fallthrough]];
        case extension_escaped: return is(value, c) ? std::optional(extension_quoted) : std::nullopt;
        default:  // behind the size or a quoted value
            return end_of_extension;
    }
}

checked body_reader::step_trailer(char c) {
    const auto next = after_trailer_byte(state_, c);
    if (!next) return malformed("invalid trailer");
    if (++trailer_bytes_ > limits_->trailer_section)
        return refuse(errc::headers_too_large, "trailers too large");
    if (state_ == state::trailer_first && *next == state::trailer_name &&
        ++trailer_count_ > limits_->trailer_count)
        return refuse(errc::headers_too_large, "too many trailers");
    state_ = *next;
    return {};
}

std::optional<body_reader::state> body_reader::after_trailer_byte(state now, char c) noexcept {
    using enum state;
    using enum char_class;
    switch (now) {
        case trailer_first:
            if (c == '\r') return last_feed;
            return is(token, c) ? std::optional(trailer_name) : std::nullopt;
        case trailer_name:
            if (c == ':') return trailer_value;
            return is(token, c) ? std::optional(trailer_name) : std::nullopt;
        case trailer_value:
            if (c == '\r') return trailer_feed;
            return is(value, c) ? std::optional(trailer_value) : std::nullopt;
        case trailer_feed: return c == '\n' ? std::optional(trailer_first) : std::nullopt;
        default: return c == '\n' ? std::optional(done) : std::nullopt;
    }
}

}  // namespace bulkhead::http
