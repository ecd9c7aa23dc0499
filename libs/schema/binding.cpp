// SPDX-License-Identifier: Apache-2.0
#include "schema/binding.hpp"

namespace bulkhead::schema {

bool refuse_null(const place& at) { return at.refuse("null_not_allowed", "must not be null"); }

const json::string* expect_string(const json::value& in, const place& at) {
    const auto* text = in.if_string();
    if (text == nullptr) at.refuse("wrong_type", "must be a string");
    return text;
}

}  // namespace bulkhead::schema
