// SPDX-License-Identifier: Apache-2.0
#include "features/platform/cursor.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/text.hpp"

namespace bulkhead::platform {
namespace {

constexpr std::size_t check_size = 6;

std::string check_of(std::string_view list, std::string_view last) {
    std::string text(list);
    text += '\0';
    text += last;
    return sha256(text).to_string().substr(0, check_size);
}

}  // namespace

std::string make_cursor(std::string_view list, std::string_view last) {
    return to_base64url(check_of(list, last).append(last));
}

result<std::string> read_cursor(std::string_view list, std::string_view cursor) {
    const auto raw = from_base64url(cursor);
    if (raw && raw->size() > check_size) {
        auto last = raw->substr(check_size);
        const bool text = is_utf8(last) && last.find('\0') == std::string::npos;
        if (text && check_of(list, last) == raw->substr(0, check_size)) return last;
    }
    return fail_field("/query/cursor", "unknown_cursor",
                      "use next_cursor of the page before, with the same filters");
}

}  // namespace bulkhead::platform
