// SPDX-License-Identifier: Apache-2.0
#include "schema/enumeration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

namespace bulkhead::schema {

void throw_unnamed_enum(const std::type_info& type) {
    throw std::logic_error(fmt::format("a value of {} has no name", type_name(type)));
}

bool refuse_enum(const place& at, const std::vector<std::string_view>& allowed) {
    return at.refuse("not_one_of", fmt::format("must be one of: {}", fmt::join(allowed, ", ")));
}

}  // namespace bulkhead::schema
