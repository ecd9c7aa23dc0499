// SPDX-License-Identifier: Apache-2.0
#include "http/idempotency_key.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

constexpr std::string_view header_name = "Idempotency-Key";
constexpr std::size_t longest_key = 255;

bool writes(verb method) noexcept {
    return method == verb::post || method == verb::put || method == verb::patch || method == verb::delete_;
}

/// An sf-string without its quotes.
std::optional<std::string> unquoted(std::string_view text) {
    if (text.size() < 2 || text.back() != '"') return std::nullopt;
    std::string out;
    const auto inner = text.substr(1, text.size() - 2);
    for (std::size_t at = 0; at < inner.size(); ++at) {
        const bool escaped = inner[at] == '\\';
        if (escaped) ++at;
        if (at == inner.size()) return std::nullopt;
        if (escaped && inner[at] != '"' && inner[at] != '\\') return std::nullopt;
        if (!escaped && (inner[at] < ' ' || inner[at] > '~' || inner[at] == '"')) return std::nullopt;
        out += inner[at];
    }
    return out;
}

std::optional<std::string> bare(std::string_view text) {
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) return std::nullopt;
    return std::string(text);
}

}  // namespace

bool has_idempotency_key(const request_head& head) noexcept {
    return writes(head.method) && head.find(header_name).has_value();
}

result<std::string> read_idempotency_key(const request_head& head) {
    if (head.count(header_name) > 1) return fail(errc::malformed_request, "send one Idempotency-Key");
    const auto text = trim(head.find(header_name).value_or(""));
    auto key = text.starts_with('"') ? unquoted(text) : bare(text);
    if (!key || key->empty() || key->size() > longest_key)
        return fail(errc::malformed_request,
                    "Idempotency-Key is 1 to 255 visible characters of ASCII, quoted or not");
    return *std::move(key);
}

void document_idempotency_key(operation& op, verb method) {
    if (!writes(method)) return;
    op.header_parameter(header_name,
                        "Your name for this request, a UUID say: sent again under it, the request is done "
                        "once and gets the same answer, with Idempotency-Replayed: true");
    for (auto code : {errc::malformed_request, errc::idempotency_running, errc::idempotency_gone,
                      errc::idempotency_reused})
        op.fails(code);
}

}  // namespace bulkhead::http
