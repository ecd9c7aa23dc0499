// SPDX-License-Identifier: Apache-2.0
// A tenant's slug as it comes in: chosen in a body, where every broken rule is told, or named in a path,
// where what cannot be one names nothing.
#pragma once

#include <string>
#include <string_view>

#include "http/arguments.hpp"
#include "schema/schema.hpp"

namespace bulkhead::platform {

/// A name for a new or renamed tenant: see tenancy::check_slug.
class slug_text {
public:
    /// For values that are known to be one. Throws std::invalid_argument otherwise.
    explicit slug_text(std::string value);

    [[nodiscard]] const std::string& str() const noexcept { return value_; }

private:
    friend struct schema::access;
    friend struct schema::binding<slug_text>;
    slug_text() = default;

    std::string value_;
};

/// The `{slug}` of a path. errc::tenant_unknown for what no tenant can be called.
struct named_tenant {
    std::string slug;
};

}  // namespace bulkhead::platform

template <>
struct bulkhead::schema::binding<bulkhead::platform::slug_text> : required_binding {
    static bool read(const json::value& in, const place& at, platform::slug_text& out);
    static json::object schema(components&, direction);
};

template <>
struct bulkhead::http::argument<bulkhead::platform::named_tenant> {
    static result<platform::named_tenant> from(exchange& x);
    static void document(operation& op) { op.fails(errc::tenant_unknown); }
};
