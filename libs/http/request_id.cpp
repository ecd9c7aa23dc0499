// SPDX-License-Identifier: Apache-2.0
#include "http/request_id.hpp"

#include <algorithm>

#include "base/uuid.hpp"

namespace bulkhead::http {
namespace {

bool is_sane(std::string_view id) {
    constexpr std::size_t most = 128;
    return !id.empty() && id.size() <= most && std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-' || c == ':' || c == '+';
    });
}

}  // namespace

void choose_request_id(std::string& out, std::optional<std::string_view> sent) {
    out.clear();
    if (sent && is_sane(*sent))
        out = *sent;
    else
        uuid::generate().append_to(out);
}

}  // namespace bulkhead::http
