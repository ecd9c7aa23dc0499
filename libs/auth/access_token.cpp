// SPDX-License-Identifier: Apache-2.0
#include "auth/access_token.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>

#include <stdexcept>

#include "base/encoding.hpp"
#include "schema/enumeration.hpp"

namespace bulkhead::auth {
namespace {

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view algorithm = "HS256";
constexpr std::string_view token_type = "at+jwt";
constexpr json_limits header_limits{.depth = 2, .members = 8};
constexpr json_limits claims_limits{.depth = 4, .members = 32};
constexpr std::int64_t last_second =
    253402300799;  // end of the year 9999: keeps the arithmetic from overflowing

std::unexpected<error> invalid() { return fail(errc::unauthenticated, "the access token is not valid"); }

struct token_parts {
    std::string_view header;
    std::string_view claims;
    std::string_view mac;
    std::string_view signing_input;  // header, dot, claims, as received
};

std::optional<token_parts> split_token(std::string_view token) {
    if (token.size() > access_token_max_size) return std::nullopt;
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    if (first == last || token.find('.', first + 1) != last) return std::nullopt;
    return token_parts{token.substr(0, first), token.substr(first + 1, last - first - 1),
                       token.substr(last + 1), token.substr(0, last)};
}

std::optional<json::object> decode_object(std::string_view segment, json_limits limits) {
    const auto text = from_base64url(segment);
    if (!text) return std::nullopt;
    auto value = parse_json(*text, limits);
    if (!value || !value->is_object()) return std::nullopt;
    return std::move(value->get_object());
}

/// Empty when the member is absent or no string.
std::string_view text_member(const json::object& object, std::string_view name) {
    const auto* const value = object.if_contains(name);
    const auto* const text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view{};
}

std::optional<uuid> uuid_member(const json::object& object, std::string_view name) {
    return uuid::parse(text_member(object, name));
}

/// NumericDate (RFC 7519 section 2), of which we write integers only.
std::optional<utc_time> time_member(const json::object& object, std::string_view name) {
    const auto* const value = object.if_contains(name);
    const auto* const number = value != nullptr ? value->if_int64() : nullptr;
    if (number == nullptr || *number < 0 || *number > last_second) return std::nullopt;
    return utc_time{sys_seconds{seconds{*number}}};
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += out.empty() ? '{' : ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
}

}  // namespace

access_tokens::access_tokens(token_settings settings)
    : settings_(std::move(settings)), keys_(settings_.current, settings_.previous) {
    if (settings_.issuer.empty() || settings_.audience.empty())
        throw std::invalid_argument("access tokens need an issuer and an audience");
    if (settings_.ttl < seconds{1} || settings_.ttl > access_token_max_lifetime)
        throw std::invalid_argument("the lifetime of access tokens must be 1 second to 31 days");
    std::string header;
    append_member(header, "alg", algorithm);
    append_member(header, "typ", token_type);
    append_member(header, "kid", keys_.current_id());
    header_ = to_base64url(header + '}');
}

std::string access_tokens::issue(const access_subject& subject, utc_time now) {
    const auto issued = floor<seconds>(now).time_since_epoch().count();
    const auto expires = issued + floor<seconds>(settings_.ttl).count();
    std::string claims;
    append_member(claims, "iss", settings_.issuer);
    append_member(claims, "aud", settings_.audience);
    append_member(claims, "sub", subject.subject.to_string());
    append_member(claims, "tid", subject.tenant.to_string());
    append_member(claims, "sid", subject.session.to_string());
    append_member(claims, "role", schema::enum_name(subject.role));
    append_member(claims, "jti", uuid::generate().to_string());
    claims += fmt::format(R"(,"iat":{0},"nbf":{0},"exp":{1}}})", issued, expires);
    auto token = fmt::format("{}.{}", header_, to_base64url(claims));
    const auto mac = keys_.find(keys_.current_id(), {subject.tenant, subject.key_version})->sign(token);
    token += '.';
    token += to_base64url(mac.view());
    return token;
}

result<uuid> access_tokens::tenant_of(std::string_view token) const {
    const auto parts = split_token(token);
    if (!parts) return invalid();
    const auto claims = decode_object(parts->claims, claims_limits);
    if (!claims) return invalid();
    const auto tenant = uuid_member(*claims, "tid");
    if (!tenant) return invalid();
    return *tenant;
}

const hmac_sha256_key* access_tokens::key_for(std::string_view header, const tenant_key& tenant) {
    if (header == header_) return keys_.find(keys_.current_id(), tenant);  // the usual case, without a parser
    const auto members = decode_object(header, header_limits);
    // Three members in all, and these three: every other one is thereby refused.
    if (!members || members->size() != 3) return nullptr;
    if (text_member(*members, "alg") != algorithm || text_member(*members, "typ") != token_type)
        return nullptr;
    return keys_.find(text_member(*members, "kid"), tenant);
}

result<access_claims> access_tokens::verify(std::string_view token, const tenant_key& tenant, utc_time now) {
    const auto parts = split_token(token);
    if (!parts) return invalid();
    const auto* const key = key_for(parts->header, tenant);
    if (key == nullptr) return invalid();
    const auto mac = from_base64url(parts->mac);
    if (!mac || !key->verify(parts->signing_input, *mac)) return invalid();
    const auto claims = decode_object(parts->claims, claims_limits);
    if (!claims) return invalid();
    return read_claims(*claims, tenant.id, now);
}

result<access_claims> access_tokens::read_claims(const json::object& claims, const uuid& tenant,
                                                 utc_time now) const {
    if (text_member(claims, "iss") != settings_.issuer || text_member(claims, "aud") != settings_.audience)
        return invalid();
    const auto subject = uuid_member(claims, "sub");
    const auto session = uuid_member(claims, "sid");
    const auto id = uuid_member(claims, "jti");
    const auto known_role = schema::enum_from<role>(text_member(claims, "role"));
    if (!subject || !session || !id || uuid_member(claims, "tid") != tenant || !known_role) return invalid();
    const auto issued = time_member(claims, "iat");
    const auto not_before = time_member(claims, "nbf");
    const auto expires = time_member(claims, "exp");
    if (!issued || !not_before || !expires) return invalid();
    if (*expires <= *issued || *expires - *issued > access_token_max_lifetime) return invalid();
    if (*issued > now + access_token_leeway || *not_before > now + access_token_leeway) return invalid();
    if (*expires <= now - access_token_leeway)
        return fail(errc::unauthenticated, "the access token has expired");
    return access_claims{.subject = *subject,
                         .tenant = tenant,
                         .session = *session,
                         .role = *known_role,
                         .issued_at = *issued,
                         .expires_at = *expires,
                         .token_id = *id};
}

}  // namespace bulkhead::auth
