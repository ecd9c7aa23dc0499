// SPDX-License-Identifier: Apache-2.0
// Content codings: which of them a client takes (RFC 9110 section 12.5.3), and how each marks the entity tag
// of what it codes. Pure functions of a request's head.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "http/request_head.hpp"

namespace bulkhead::http {

enum class coding { identity, gzip, zstd };

/// "gzip", as Content-Encoding says it.
std::string_view coding_name(coding one) noexcept;

class accepted_codings {
public:
    /// A client that does not say gets what it would get without this: identity. A weight that is none counts
    /// as 0.
    explicit accepted_codings(const request_head& head);

    /// The one it likes best; of equals zstd, then gzip, since they cost least. identity when it takes none
    /// of ours: it will have to live with it.
    [[nodiscard]] coding best() const noexcept;
    [[nodiscard]] bool takes(coding one) const noexcept { return weights_[index(one)] > 0; }

private:
    static constexpr std::size_t index(coding one) noexcept { return static_cast<std::size_t>(one); }
    std::array<unsigned, 3> weights_{1, 0, 0};  // in thousandths
};

/// A strong entity tag names bytes, so coded bytes need a tag of their own (RFC 9110 section 8.8.3.3): `"5"`
/// as
/// `"5-gzip"`. A weak tag stays as it is.
std::string coded_tag(std::string_view tag, coding by);

/// The opposite: the tag of what was coded, and the coding; identity when coded_tag did not make it.
std::pair<std::string, coding> plain_tag(std::string_view tag);

}  // namespace bulkhead::http
