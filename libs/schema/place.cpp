// SPDX-License-Identifier: Apache-2.0
#include "schema/place.hpp"

#include <fmt/format.h>

namespace bulkhead::schema {

bool place::refuse(std::string_view code, std::string detail) const {
    if (problems_->size() < max_problems)
        problems_->push_back({pointer(), std::string(code), std::move(detail)});
    return false;
}

std::string place::pointer() const {
    if (parent_ == nullptr) return {};
    auto out = parent_->pointer() + '/';
    if (index_ != no_index) return out + std::to_string(index_);
    for (char c : name_) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

std::unexpected<error> not_valid(std::vector<field_error> problems) {
    auto detail = problems.size() == 1 ? std::string("One value is not valid.")
                                       : fmt::format("{} values are not valid.", problems.size());
    return std::unexpected(
        error{.code = errc::validation_failed, .detail = std::move(detail), .fields = std::move(problems)});
}

}  // namespace bulkhead::schema
