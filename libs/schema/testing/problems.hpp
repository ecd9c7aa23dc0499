// SPDX-License-Identifier: Apache-2.0
// For tests: what a result complains about, as text that is easy to compare.
#pragma once

#include <string>

#include "base/error.hpp"

namespace bulkhead::schema {

/// "/a too_long, /b/0 required"; "" for a value; the name of the error when it is not about fields.
template <class T>
std::string problems_of(const result<T>& answer) {
    if (answer) return "";
    if (answer.error().code != errc::validation_failed)
        return std::string(describe(answer.error().code).name);
    std::string out;
    for (const auto& f : answer.error().fields) {
        if (!out.empty()) out += ", ";
        out += f.pointer + ' ' + f.code;
    }
    return out;
}

}  // namespace bulkhead::schema
