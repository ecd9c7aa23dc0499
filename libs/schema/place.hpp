// SPDX-License-Identifier: Apache-2.0
// Where in a request a value stands, and the list that collects everything wrong there. A place lives on the
// stack of the parsing call and points to its parent: the pointer text is only made when something is
// refused.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace bulkhead::schema {

/// Problems over this number are dropped: the answer stays small whatever was sent.
inline constexpr std::size_t max_problems = 100;

/// One rule that a value breaks: a stable code and a sentence for people.
struct problem {
    std::string_view code;
    std::string detail;
};

class place {
public:
    /// The whole document, pointer "". `problems` must outlive every place made from this one.
    explicit place(std::vector<field_error>& problems) noexcept : problems_(&problems) {}

    /// The member or item below. *this and `name` must outlive the result.
    [[nodiscard]] place member(std::string_view name) const noexcept { return {*this, name, no_index}; }
    [[nodiscard]] place item(std::size_t index) const noexcept { return {*this, {}, index}; }

    /// Notes that the value here is wrong. Always false, so that a reader can return it.
    bool refuse(std::string_view code, std::string detail) const;
    bool refuse(problem what) const { return refuse(what.code, std::move(what.detail)); }

    /// JSON pointer with `~` and `/` escaped (RFC 6901 section 3).
    [[nodiscard]] std::string pointer() const;

private:
    static constexpr std::size_t no_index = std::numeric_limits<std::size_t>::max();

    place(const place& parent, std::string_view name, std::size_t index) noexcept
        : problems_(parent.problems_), parent_(&parent), name_(name), index_(index) {}

    std::vector<field_error>* problems_;
    const place* parent_ = nullptr;
    std::string_view name_;
    std::size_t index_ = no_index;
};

/// errc::validation_failed that carries `problems`.
[[nodiscard]] std::unexpected<error> not_valid(std::vector<field_error> problems);

}  // namespace bulkhead::schema
