// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/response_text.hpp"

#include "base/text.hpp"

namespace bulkhead::webhooks {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

/// Bytes of the character that `text` begins with; 0: it begins with none.
std::size_t character_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first == 0) return 0;
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return length <= text.size() && is_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

std::string response_text(std::string_view body) {
    std::string out;
    while (!body.empty()) {
        const auto length = character_length(body);
        const auto next = length == 0 ? replacement : body.substr(0, length);
        if (out.size() + next.size() > most_response_bytes) break;
        out += next;
        body.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

}  // namespace bulkhead::webhooks
