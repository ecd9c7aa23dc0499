// SPDX-License-Identifier: Apache-2.0
// An e-mail address as accounts use it: a dot-atom (RFC 5321 section 4.1.2), an @ and a domain name of at
// least two labels. ASCII only, no quoted local parts, no comments, no address literals. Kept in lower case,
// so that equal text means the same account.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/parsed_text.hpp"

namespace bulkhead::schema {

class email {
public:
    static constexpr std::string_view rule =
        "must be an e-mail address of at most 254 characters, like ada@example.com";

    /// nullopt when `text` is not an address. Any case is accepted.
    [[nodiscard]] static std::optional<email> parse(std::string_view text);
    [[nodiscard]] static json::object describe();

    /// Lower case, at most 254 bytes (RFC 5321 section 4.5.3.1, erratum 1690).
    [[nodiscard]] const std::string& str() const noexcept { return value_; }

    friend bool operator==(const email&, const email&) = default;

private:
    friend struct access;
    email() = default;

    std::string value_;
};

}  // namespace bulkhead::schema
