// SPDX-License-Identifier: Apache-2.0
#include "features/platform/slug.hpp"

#include <stdexcept>

#include "tenancy/tenant.hpp"

namespace bulkhead::platform {

slug_text::slug_text(std::string value) : value_(std::move(value)) {
    if (auto sound = tenancy::check_slug(value_); !sound)
        throw std::invalid_argument(sound.error().fields.front().detail);
}

}  // namespace bulkhead::platform

namespace bulkhead::schema {

bool binding<platform::slug_text>::read(const json::value& in, const place& at, platform::slug_text& out) {
    const auto* text = expect_string(in, at);
    if (text == nullptr) return false;
    const std::string_view value(*text);
    if (auto sound = tenancy::check_slug(value); !sound) {
        const auto& why = sound.error().fields.front();
        return at.refuse(why.code, why.detail);
    }
    out.value_ = value;
    return true;
}

json::object binding<platform::slug_text>::schema(components&, direction) {
    return {{"type", "string"},
            {"pattern", "^[a-z][a-z0-9-]{0,37}[a-z0-9]$"},
            {"minLength", 2},
            {"maxLength", 39},
            {"description", "Lower case letters, digits and inner hyphens; some words are reserved"},
            {"examples", {"acme"}}};
}

}  // namespace bulkhead::schema

namespace bulkhead::http {

result<platform::named_tenant> argument<platform::named_tenant>::from(exchange& x) {
    // A tenant that is older than a reserved word must be found, so only the alphabet counts.
    const auto slug = x.path_parameter(0);
    if (slug.size() > 39 ||
        slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string_view::npos)
        return fail(errc::tenant_unknown);
    return platform::named_tenant{std::string(slug)};
}

}  // namespace bulkhead::http
