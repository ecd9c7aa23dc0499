// SPDX-License-Identifier: Apache-2.0
#include "http/arguments.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "http/accept_encoding.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t max_query_pairs = 64;

bool is_charset_utf8(std::string_view parameter) {
    parameter = trim(parameter);
    return iequals(parameter, "charset=utf-8") || iequals(parameter, "charset=\"utf-8\"");
}

bool is_one_of(std::string_view content_type, std::initializer_list<std::string_view> accepted) {
    const auto parts = split(content_type, ';');
    const auto type = trim(parts.front());
    return std::ranges::any_of(accepted, [&](auto a) { return iequals(a, type); }) &&
           std::all_of(parts.begin() + 1, parts.end(), is_charset_utf8);
}

/// `*` or a list of entity tags (RFC 9110 section 8.8.3). nullopt when it is neither.
std::optional<std::vector<std::string>> parse_entity_tags(std::string_view text) {
    std::vector<std::string> out;
    text = trim(text);
    if (text == "*") return std::vector<std::string>{"*"};
    while (!text.empty()) {
        const auto open = text.starts_with("W/") ? 2U : 0U;
        if (text.size() <= open || text[open] != '"') return std::nullopt;
        const auto close = text.find('"', open + 1);
        if (close == std::string_view::npos) return std::nullopt;
        out.emplace_back(text.substr(0, close + 1));
        text = trim(text.substr(close + 1));
        if (text.empty()) break;
        if (text.front() != ',') return std::nullopt;
        text = trim(text.substr(1));
    }
    if (out.empty()) return std::nullopt;
    return out;
}

result<std::optional<std::vector<std::string>>> entity_tags(const request_head& head, std::string_view name) {
    const auto value = head.find(name);
    if (!value) return std::nullopt;
    auto tags = parse_entity_tags(*value);
    if (!tags) return fail(errc::malformed_request, std::string(name) + " is not a list of entity tags");
    return tags;
}

/// The tag of a coded form stands for the version that was coded. For If-None-Match only if the client would
/// get that form again: it must not be told to go on with one that it does not take now.
void take_codings_off(const request_head& head, std::optional<std::vector<std::string>>& match,
                      std::optional<std::vector<std::string>>& none) {
    if (match)
        for (auto& tag : *match) tag = plain_tag(tag).first;
    if (!none) return;
    const accepted_codings accepted(head);
    for (auto& tag : *none)
        if (auto [plain, by] = plain_tag(tag); accepted.takes(by)) tag = std::move(plain);
}

std::string_view opaque(std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; }

}  // namespace

bool preconditions::match(std::string_view etag) const {
    return !if_match ||
           std::ranges::any_of(*if_match, [&](const auto& tag) { return tag == "*" || tag == etag; });
}

bool preconditions::already_has(std::string_view etag) const {
    return if_none_match && std::ranges::any_of(*if_none_match, [&](const auto& tag) {
               return tag == "*" || opaque(tag) == opaque(etag);
           });
}

result<schema::query_parameters> parse_query(std::string_view text) {
    schema::query_parameters out;
    if (text.empty()) return out;
    for (auto pair : split(text, '&')) {
        if (pair.empty()) continue;
        if (out.size() == max_query_pairs) return fail(errc::malformed_request, "too many query parameters");
        const auto equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
        const bool sound = name && value && is_utf8(*name) && is_utf8(*value) &&
                           name->find('\0') == std::string::npos && value->find('\0') == std::string::npos;
        if (!sound) return fail(errc::malformed_request, "the query string is not percent-encoded UTF-8");
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

result<> check_content_type(const exchange& x, std::initializer_list<std::string_view> accepted) {
    const auto type = x.head().find("Content-Type");
    if (type && is_one_of(*type, accepted)) return {};
    return fail(errc::unsupported_media_type, "send Content-Type: " + std::string(*accepted.begin()));
}

result<path_id> argument<path_id>::from(exchange& x) {
    const auto id = uuid::parse(x.path_parameter(0));
    if (!id) return fail(errc::not_found);
    return path_id{*id};
}

void argument<path_id>::document(operation& op) {
    op.parameter({{"name", "id"},
                  {"in", "path"},
                  {"required", true},
                  {"schema", {{"type", "string"}, {"format", "uuid"}}}});
    op.fails(errc::not_found);
}

result<preconditions> argument<preconditions>::from(exchange& x) {
    auto match = entity_tags(x.head(), "If-Match");
    if (!match) return std::unexpected(std::move(match.error()));
    auto none = entity_tags(x.head(), "If-None-Match");
    if (!none) return std::unexpected(std::move(none.error()));
    take_codings_off(x.head(), *match, *none);
    return preconditions{std::move(*match), std::move(*none)};
}

void argument<preconditions>::document(operation& op) {
    op.header_parameter("If-Match", "Go on only if the resource still has one of these entity tags.");
    op.header_parameter("If-None-Match", "Answer 304 if the resource still has one of these entity tags.");
    op.fails(errc::precondition_failed);
}

}  // namespace bulkhead::http
