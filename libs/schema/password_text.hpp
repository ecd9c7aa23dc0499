// SPDX-License-Identifier: Apache-2.0
// A password on its way in. There is no way to write it: a response that contains one does not compile. Only
// the size is bounded here (1 to 1024 bytes), so that an old password can always be offered; what makes a
// good new one is decided where accounts are made, and the documented limits are those.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/secret.hpp"
#include "schema/binding.hpp"

namespace bulkhead::schema {

class password_text {
public:
    static constexpr std::size_t max_size = 1024;

    /// For values that are known to fit. Throws std::invalid_argument otherwise.
    explicit password_text(secret value);

    [[nodiscard]] const secret& value() const noexcept { return value_; }
    /// The password itself; valid as long as this object is unchanged. Never log it.
    [[nodiscard]] std::string_view reveal() const noexcept { return value_.reveal(); }

private:
    friend struct access;
    friend struct binding<password_text>;
    password_text() = default;

    secret value_;
};

template <>
struct binding<password_text> : required_binding {
    static bool read(const json::value& in, const place& at, password_text& out);
    static json::object schema(components&, direction);
};

}  // namespace bulkhead::schema
