// SPDX-License-Identifier: Apache-2.0
#include "differential.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>

#include "base/text.hpp"

namespace bulkhead::fuzz {
namespace {

using namespace http::testing;

bool same(const read_request& a, const read_request& b) {
    return a.method == b.method && a.target == b.target && a.body == b.body && a.lines == b.lines &&
           a.version_minor == b.version_minor && a.keep_alive == b.keep_alive;
}

std::optional<parting> part_without_ours(const read_stream_result& ours) {
    return ours.end == stream_end::refused ? parting::we_refuse : parting::only_it_ends;
}

std::optional<parting> part_at_the_end(const read_stream_result& ours, const second_reading& theirs) {
    const bool we = ours.end == stream_end::refused, it = !theirs.error.empty();
    if (we == it || ours.end == stream_end::closed) return std::nullopt;
    return we ? parting::we_refuse_early : parting::it_refuses_early;
}

using evidence = bool (*)(const difference&);

/// We refuse for one of `reasons`, and what llhttp understood shows the same fault, if it understood
/// anything.
bool we_refuse_for(const difference& d, std::initializer_list<std::string_view> reasons, evidence shows) {
    if (d.kind != parting::we_refuse && d.kind != parting::we_refuse_early) return false;
    if (std::ranges::find(reasons, d.ours.reason) == reasons.end()) return false;
    return !d.their_request() || shows(d);
}

bool it_refuses_with(const difference& d, std::initializer_list<std::string_view> codes) {
    if (d.kind != parting::it_refuses && d.kind != parting::it_refuses_early) return false;
    return std::ranges::find(codes, d.theirs.error) != codes.end();
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
    return std::ranges::any_of(parts, [&](auto part) { return text.find(part) != std::string_view::npos; });
}

bool consists_of(std::string_view text, std::string_view marks) {
    return std::ranges::all_of(text, [&](unsigned char c) {
        return (c < 0x80 && std::isalnum(c)) || marks.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

/// The values of all lines with this name, as llhttp understood them.
std::vector<std::string> values_of(const difference& d, std::string_view name) {
    std::vector<std::string> out;
    for (const auto& [key, value] : d.their_request()->lines)
        if (iequals(key, name)) out.push_back(value);
    return out;
}

bool has_odd_host(const difference& d) {
    const auto hosts = values_of(d, "Host");
    return hosts.size() != 1 || hosts[0].empty() || !consists_of(hosts[0], ".-");
}

bool has_odd_target(const difference& d) {
    const auto& target = d.their_request()->target;
    return !target.starts_with('/') || !consists_of(target, "/");
}

bool has_other_method(const difference& d) {
    constexpr std::array<std::string_view, 7> ours{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};
    return std::ranges::find(ours, d.their_request()->method) == ours.end();
}

bool has_other_version(const difference& d) { return d.their_request()->version_minor > 1; }

bool follows_line_ends(const difference& d) {
    return d.at > 0 || d.bytes.starts_with('\r') || d.bytes.starts_with('\n');
}

bool has_odd_coding(const difference& d) {
    const auto codings = values_of(d, "Transfer-Encoding");
    return codings.size() != 1 || !iequals(codings[0], "chunked") || d.their_request()->version_minor == 0;
}

bool has_odd_length(const difference& d) {
    const auto lengths = values_of(d, "Content-Length");
    return lengths.size() == 1 && (lengths[0].starts_with('0') || lengths[0].size() > 19);
}

bool has_odd_expectation(const difference& d) {
    const auto expected = values_of(d, "Expect");
    return expected.size() > 1 || (expected.size() == 1 && !iequals(expected[0], "100-continue"));
}

bool has_odd_connection(const difference& d) {
    for (const auto& value : values_of(d, "Connection"))
        if (!consists_of(value, "-")) return true;
    return false;
}

bool has_higher_version(std::string_view bytes) {
    for (auto at = bytes.find("HTTP/1."); at != std::string_view::npos; at = bytes.find("HTTP/1.", at + 1))
        if (at + 7 < bytes.size() && bytes[at + 7] >= '2' && bytes[at + 7] <= '9') return true;
    return false;
}

/// The request at which the readings part, or one before it, has or begins a chunked body.
bool is_chunked(const difference& d) {
    if (!d.our_request()) return contains_any(d.bytes, {"hunked"});
    const auto until = d.ours.requests.begin() + static_cast<std::ptrdiff_t>(d.at) + 1;
    return std::any_of(d.ours.requests.begin(), until, [](const auto& each) { return each.chunked; });
}

}  // namespace

std::optional<difference> first_difference(std::string_view bytes, const read_stream_result& ours,
                                           const second_reading& theirs) {
    const auto both = std::min(ours.requests.size(), theirs.requests.size());
    std::size_t at = 0;
    while (at < both && same(ours.requests[at], theirs.requests[at])) ++at;
    std::optional<parting> kind;
    if (at < both) {
        kind = parting::meaning;
    } else if (at < theirs.requests.size()) {
        kind = part_without_ours(ours);
    } else if (at < ours.requests.size()) {
        kind = theirs.error.empty() ? parting::only_we_end : parting::it_refuses;
    } else {
        kind = part_at_the_end(ours, theirs);
    }
    if (!kind) return std::nullopt;
    return difference{*kind, bytes, ours, theirs, at};
}

std::span<const known_difference> known_differences() {
    static const std::array all{
        // We refuse more. Each is a rule of ours with an RFC behind it; llhttp leaves it to whoever uses it.
        known_difference{"the Host line", "RFC 9112 3.2: exactly one, and valid; llhttp does not look at it",
                         [](const difference& d) {
                             return we_refuse_for(d,
                                                  {"the Host header is missing", "invalid Host header",
                                                   "more than one Host header"},
                                                  has_odd_host);
                         }},
        known_difference{"the target", "RFC 9112 3.2, RFC 3986: llhttp takes almost any visible character",
                         [](const difference& d) {
                             return we_refuse_for(
                                 d,
                                 {"invalid character in the request target",
                                  "the request target is not a path or an http URL",
                                  "invalid authority in the request target", "only OPTIONS may ask for *"},
                                 has_odd_target);
                         }},
        known_difference{"other methods", "RFC 9110 9.1: 501 for those we do not have; llhttp knows 35",
                         [](const difference& d) {
                             return we_refuse_for(d, {"this method is not implemented"}, has_other_method);
                         }},
        known_difference{"other versions", "RFC 9110 15.6.6: 505 or 400; llhttp reads 0.9 and 2.0",
                         [](const difference& d) {
                             return we_refuse_for(
                                 d,
                                 {"the request line has no HTTP version", "invalid HTTP version",
                                  "only HTTP/1.1 is spoken here", "a line does not end with CRLF"},
                                 has_other_version);
                         }},
        known_difference{"two spaces", "RFC 9112 3: one between the parts; llhttp skips more",
                         [](const difference& d) {
                             return we_refuse_for(d, {"invalid HTTP version"}, [](const difference& at) {
                                 return contains_any(at.bytes, {"  "});
                             });
                         }},
        known_difference{"other protocols", "RFC 9112 2.3: HTTP only; llhttp also reads RTSP and ICE",
                         [](const difference& d) {
                             return we_refuse_for(d, {"invalid HTTP version"}, [](const difference& at) {
                                 return contains_any(at.bytes, {" RTSP/", " ICE/"});
                             });
                         }},
        known_difference{"line ends before a request",
                         "RFC 9112 2.2 allows to skip CRLFs: we skip two, llhttp any CR and LF",
                         [](const difference& d) {
                             return we_refuse_for(d,
                                                  {"invalid method", "empty lines instead of a request",
                                                   "a line does not end with CRLF"},
                                                  follows_line_ends);
                         }},
        known_difference{"transfer codings",
                         "RFC 9112 6.1: 501 or 400 for all but one \"chunked\"; llhttp takes what ends with "
                         "it, and empty ones",
                         [](const difference& d) {
                             return we_refuse_for(
                                 d,
                                 {"more than one Transfer-Encoding header", "invalid Transfer-Encoding",
                                  "Transfer-Encoding in HTTP/1.0",
                                  "both Content-Length and Transfer-Encoding",
                                  "this transfer coding is not implemented"},
                                 has_odd_coding);
                         }},
        known_difference{
            "zeros and digits of a length",
            "RFC 9110 8.6: no leading zero, at most 19 digits; llhttp counts to 2^64",
            [](const difference& d) { return we_refuse_for(d, {"invalid Content-Length"}, has_odd_length); }},
        known_difference{"expectations", "RFC 9110 10.1.1: 417; llhttp does not look at Expect",
                         [](const difference& d) {
                             return we_refuse_for(d, {"only 100-continue can be expected"},
                                                  has_odd_expectation);
                         }},
        known_difference{"Connection options",
                         "RFC 9110 7.6.1: a list of tokens; llhttp only looks for those it knows",
                         [](const difference& d) {
                             return we_refuse_for(d, {"invalid Connection header"}, has_odd_connection);
                         }},
        known_difference{"malformed chunk extensions",
                         "RFC 9112 7.1.1: names and values are not empty, quotes stand around all of a "
                         "value; llhttp looks less close",
                         [](const difference& d) {
                             return we_refuse_for(d, {"invalid chunk extension"}, [](const difference& at) {
                                 return contains_any(at.bytes, {";;", ";=", "=\r", "=;", "\""});
                             });
                         }},
        known_difference{"digits of a chunk size",
                         "RFC 9112 7.1 wants overflow to be caught: 16 digits; llhttp counts to 2^64",
                         [](const difference& d) {
                             return we_refuse_for(d, {"chunk size too long"}, [](const difference& at) {
                                 return at.bytes.find("000000") != std::string_view::npos;
                             });
                         }},
        known_difference{"limits", "lines, trailers and bodies are bounded; llhttp leaves that to node",
                         [](const difference& d) {
                             return we_refuse_for(
                                 d,
                                 {"too many header lines", "too many trailers", "trailers too large",
                                  "the body is over the limit of this resource"},
                                 [](const difference& at) {
                                     return at.ours.refused_with == 413 || at.bytes.size() > 80;
                                 });
                         }},
        // We accept more: few, and each because an RFC says that a recipient must or should.
        known_difference{"HTTP/1.2 to 1.9", "RFC 9110 2.5: to be read as 1.1; llhttp refuses them",
                         [](const difference& d) {
                             return it_refuses_with(d, {"HPE_INVALID_VERSION"}) &&
                                    has_higher_version(d.bytes);
                         }},
        known_difference{"tab behind a framing value",
                         "RFC 9110 5.5: blanks around a value are no part of it; llhttp takes no tab there",
                         [](const difference& d) {
                             return it_refuses_with(
                                        d, {"HPE_INVALID_CONTENT_LENGTH", "HPE_INVALID_TRANSFER_ENCODING"}) &&
                                    contains_any(d.bytes, {"\t\r\n"});
                         }},
        known_difference{
            "blanks in chunk extensions", "RFC 9110 5.6.3: a recipient must take them; llhttp refuses",
            [](const difference& d) {
                return it_refuses_with(d, {"HPE_INVALID_CHUNK_SIZE", "HPE_STRICT"}) && is_chunked(d) &&
                       contains_any(d.bytes, {" ;", "; ", "\t;", ";\t", " =", "= ", "\t=", "=\t"});
            }},
        known_difference{"control fields as trailers", "RFC 9110 6.5.1: dropped unread; llhttp obeys them",
                         [](const difference& d) {
                             return it_refuses_with(
                                        d, {"HPE_INVALID_CONTENT_LENGTH", "HPE_INVALID_TRANSFER_ENCODING",
                                            "HPE_UNEXPECTED_CONTENT_LENGTH", "HPE_CLOSED_CONNECTION"}) &&
                                    is_chunked(d) && contains_any(d.bytes, {"0\r\n"});
                         }},
        known_difference{"Upgrade",
                         "RFC 9110 7.8: a server may ignore it, and we do; llhttp stops reading HTTP",
                         [](const difference& d) {
                             return d.theirs.upgraded &&
                                    (d.kind == parting::only_we_end || d.kind == parting::we_refuse_early);
                         }},
    };
    return all;
}

}  // namespace bulkhead::fuzz
