// SPDX-License-Identifier: Apache-2.0
#include "http/request_fields.hpp"

#include "base/text.hpp"
#include "http/char_class.hpp"
#include "http/request_line.hpp"

namespace bulkhead::http {
namespace {

/// The lines that frame the message or steer the connection, judged together when all are known.
struct control_fields {
    std::optional<std::string_view> host, content_length, transfer_encoding;
    bool close = false, keep_alive = false;
    bool expects = false, expects_other = false;
};

/// Calls `visit` with each element of a comma-separated list; RFC 9110 section 5.6.1 skips the empty ones.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
    for (;;) {
        const auto comma = list.find(',');
        if (const auto element = trim(list.substr(0, comma)); !element.empty()) visit(element);
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

checked note_connection(std::string_view value, control_fields& seen) {
    bool valid = true;
    for_each_element(value, [&](std::string_view option) {
        valid = valid && is_token(option);
        if (iequals(option, "close")) seen.close = true;
        if (iequals(option, "keep-alive")) seen.keep_alive = true;
    });
    return valid ? checked{} : malformed("invalid Connection header");
}

checked note_once(std::optional<std::string_view>& slot, std::string_view value, std::string_view complaint) {
    if (slot) return malformed(complaint);
    slot = value;
    return {};
}

checked note(const header& line, control_fields& seen) {
    switch (line.name.size()) {  // sorts out almost every line without comparing names
        case 4:
            if (iequals(line.name, "host"))
                return note_once(seen.host, line.value, "more than one Host header");
            break;
        case 6:
            if (!iequals(line.name, "expect")) break;
            seen.expects_other = seen.expects_other || seen.expects || !iequals(line.value, "100-continue");
            seen.expects = true;
            break;
        case 10:
            if (iequals(line.name, "connection")) return note_connection(line.value, seen);
            break;
        case 14:
            if (iequals(line.name, "content-length"))
                return note_once(seen.content_length, line.value, "more than one Content-Length header");
            break;
        case 17:
            if (iequals(line.name, "transfer-encoding"))
                return note_once(seen.transfer_encoding, line.value,
                                 "more than one Transfer-Encoding header");
            break;
        default: break;
    }
    return {};
}

checked parse_lines(std::string_view section, request_head& out, control_fields& seen) {
    const char* p = section.data();
    const char* const end = p + section.size();
    while (p != end) {  // no scan passes a CR, and the section ends with CRLF: no other bound is needed
        const char* const name = p;
        while (is(char_class::token, *p)) ++p;
        const char* const name_end = p;
        if (name_end == name || *p != ':') return malformed("invalid header name");
        do ++p;
        while (is_blank(*p));
        const char* const value = p;
        while (is(char_class::value, *p)) ++p;
        if (p[0] != '\r' || p[1] != '\n') return malformed("control character in a header");
        const char* value_end = p;
        while (value_end != value && is_blank(value_end[-1])) --value_end;
        p += 2;

        const header line{{name, name_end}, {value, value_end}};
        if (!out.add(line)) return refuse(errc::headers_too_large, "too many header lines");
        if (auto done = note(line, seen); !done) return done;
    }
    return {};
}

// RFC 9112 section 3.2: exactly one in HTTP/1.1, whatever the target is; that of an absolute target wins.
checked settle_host(const control_fields& seen, request_head& out) {
    if (!seen.host) return out.version_minor == 0 ? checked{} : malformed("the Host header is missing");
    if (!is_authority(*seen.host)) return malformed("invalid Host header");
    if (out.host.empty()) out.host = *seen.host;
    return {};
}

checked settle_content_length(std::string_view value, request_head& out) {
    constexpr std::size_t max_digits = 19;  // always fits 64 bits
    const bool padded = value.size() > 1 && value.front() == '0';
    if (value.empty() || value.size() > max_digits || padded) return malformed("invalid Content-Length");
    std::uint64_t length = 0;
    for (char c : value) {
        if (!is(char_class::digit, c)) return malformed("invalid Content-Length");
        length = length * 10 + static_cast<unsigned>(c - '0');
    }
    out.content_length = length;
    return {};
}

checked settle_transfer_encoding(std::string_view value, request_head& out) {
    if (out.version_minor == 0) return malformed("Transfer-Encoding in HTTP/1.0");
    if (iequals(value, "chunked")) {
        out.chunked = true;
        return {};
    }
    // RFC 9112 section 6.3: once chunked is not the last coding, nobody can tell where the body ends.
    bool after_chunked = false, hidden = value.empty();
    for_each_element(value, [&](std::string_view coding) {
        hidden = hidden || after_chunked;
        after_chunked = iequals(coding, "chunked");
    });
    if (hidden) return malformed("invalid Transfer-Encoding");
    return refuse(errc::not_implemented, "this transfer coding is not implemented");
}

checked settle_body(const control_fields& seen, request_head& out) {
    if (seen.content_length && seen.transfer_encoding)
        return malformed("both Content-Length and Transfer-Encoding");
    if (seen.content_length) return settle_content_length(*seen.content_length, out);
    if (seen.transfer_encoding) return settle_transfer_encoding(*seen.transfer_encoding, out);
    return {};
}

}  // namespace

checked parse_request_fields(std::string_view section, request_head& out) {
    control_fields seen;
    if (auto done = parse_lines(section, out, seen); !done) return done;
    if (auto done = settle_host(seen, out); !done) return done;
    if (auto done = settle_body(seen, out); !done) return done;
    if (seen.expects_other) return refuse(errc::expectation_failed, "only 100-continue can be expected");
    // RFC 9110 section 10.1.1: ignored in HTTP/1.0, and pointless without a body.
    out.expect_continue = seen.expects && out.version_minor == 1 && out.has_body();
    out.keep_alive = !seen.close && (out.version_minor == 1 || seen.keep_alive);
    return {};
}

}  // namespace bulkhead::http
