// SPDX-License-Identifier: Apache-2.0
#include "http/security_headers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace bulkhead::http {
namespace {

struct standing_line {
    std::string_view name, text;  // the text is the whole line
};

constexpr std::array standing{
    standing_line{"Cache-Control", "Cache-Control: no-store\r\n"},
    // Nothing is loaded, framed, submitted or rebased, should a browser ever show an answer as a page.
    standing_line{"Content-Security-Policy",
                  "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; "
                  "frame-ancestors 'none'\r\n"},
    // Other sites' pages cannot embed an answer or share a process with it. Neither keeps a page from a
    // fetch() that CORS allows.
    standing_line{"Cross-Origin-Embedder-Policy", "Cross-Origin-Embedder-Policy: require-corp\r\n"},
    standing_line{"Cross-Origin-Opener-Policy", "Cross-Origin-Opener-Policy: same-origin\r\n"},
    standing_line{"Cross-Origin-Resource-Policy", "Cross-Origin-Resource-Policy: same-origin\r\n"},
    standing_line{"Origin-Agent-Cluster", "Origin-Agent-Cluster: ?1\r\n"},
    standing_line{"Permissions-Policy",
                  "Permissions-Policy: camera=(), display-capture=(), geolocation=(), microphone=(), "
                  "payment=(), usb=()\r\n"},
    standing_line{"Referrer-Policy", "Referrer-Policy: no-referrer\r\n"},
    standing_line{"X-Content-Type-Options", "X-Content-Type-Options: nosniff\r\n"},
    // For browsers and scanners that do not know the policies above.
    standing_line{"X-DNS-Prefetch-Control", "X-DNS-Prefetch-Control: off\r\n"},
    standing_line{"X-Download-Options", "X-Download-Options: noopen\r\n"},
    standing_line{"X-Frame-Options", "X-Frame-Options: DENY\r\n"},
    standing_line{"X-Permitted-Cross-Domain-Policies", "X-Permitted-Cross-Domain-Policies: none\r\n"},
    standing_line{"X-XSS-Protection", "X-XSS-Protection: 0\r\n"},
};

constexpr std::string_view transport_security =
    "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n";

consteval std::size_t block_size() {
    auto size = transport_security.size();
    for (const auto& line : standing) size += line.text.size();
    return size;
}

/// All lines one behind the other, that for TLS last.
constexpr auto block = [] {
    std::array<char, block_size()> out{};
    auto* at = out.begin();
    for (const auto& line : standing) at = std::ranges::copy(line.text, at).out;
    std::ranges::copy(transport_security, at);
    return out;
}();

/// Bit n: a standing header's name has n characters. Tells most other names apart without comparing them.
constexpr auto name_sizes = [] {
    std::uint64_t out = 0;
    for (const auto& line : standing) out |= std::uint64_t{1} << line.name.size();
    return out;
}();

bool is_standing(std::string_view name) {
    return name.size() < 64 && (name_sizes >> name.size() & 1) != 0 &&
           std::ranges::find(standing, name, &standing_line::name) != standing.end();
}

}  // namespace

void append_security_headers(std::string& out, const response& answer, bool secure) {
    const bool as_ever =
        std::ranges::none_of(answer.headers, [](const auto& each) { return is_standing(each.first); });
    if (as_ever) {
        out.append(block.data(), block.size() - (secure ? 0 : transport_security.size()));
        return;
    }
    for (const auto& [name, text] : standing)
        if (!answer.has_header(name)) out += text;
    if (secure) out += transport_security;
}

}  // namespace bulkhead::http
