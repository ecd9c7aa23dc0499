// SPDX-License-Identifier: Apache-2.0
#include "schema/list.hpp"

#include <fmt/format.h>

namespace bulkhead::schema {

const json::array* expect_items(const json::value& in, const place& at, std::size_t min, std::size_t max) {
    const auto* items = in.if_array();
    const char* plural = (items != nullptr && items->size() < min ? min : max) == 1 ? "" : "s";
    if (items == nullptr) {
        at.refuse("wrong_type", "must be an array");
    } else if (items->size() < min) {
        at.refuse("too_few_items", fmt::format("must have at least {} item{}", min, plural));
    } else if (items->size() > max) {
        at.refuse("too_many_items", fmt::format("must have at most {} item{}", max, plural));
    } else {
        return items;
    }
    return nullptr;
}

json::object array_schema(json::object items) { return {{"type", "array"}, {"items", std::move(items)}}; }

}  // namespace bulkhead::schema
