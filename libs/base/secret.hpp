// SPDX-License-Identifier: Apache-2.0
// A value that must never be printed. Logs, reports and JSON see only its length; reading it takes a call
// that a reviewer can search for. The bytes are wiped when the object dies.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace bulkhead {

class secret {
public:
    secret() = default;
    explicit secret(std::string value) : value_(std::move(value)) {}
    secret(const secret&) = default;
    secret(secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
    secret& operator=(const secret& other);
    secret& operator=(secret&& other) noexcept;
    ~secret() { wipe(); }

    /// The value itself. Valid as long as this object is unchanged. Never log it.
    [[nodiscard]] std::string_view reveal() const noexcept { return value_; }
    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return value_.size(); }

    /// "***[43 chars]***": tells an operator that something is set, and roughly what.
    [[nodiscard]] std::string redacted() const;

    friend bool operator==(const secret&, const secret&) = delete;  // use constant_time_equal

private:
    void wipe() noexcept;

    std::string value_;
};

/// Compares without telling by timing where the first difference is; the length is not hidden.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace bulkhead

template <>
struct fmt::formatter<bulkhead::secret> : fmt::formatter<std::string> {
    template <class Context>
    auto format(const bulkhead::secret& value, Context& ctx) const {
        return fmt::formatter<std::string>::format(value.redacted(), ctx);
    }
};
