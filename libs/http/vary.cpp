// SPDX-License-Identifier: Apache-2.0
#include "http/vary.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

bool lists(std::string_view list, std::string_view element) {
    return std::ranges::any_of(split(list, ','), [&](std::string_view each) {
        each = trim(each);
        return each == "*" || iequals(each, element);
    });
}

}  // namespace

void vary_on(response& answer, std::string_view fields) {
    const auto said = std::ranges::find(answer.headers, std::string_view("Vary"),
                                        [](const auto& each) { return each.first; });
    if (said == answer.headers.end()) {
        answer.header("Vary", std::string(fields));
        return;
    }
    for (const auto each : split(fields, ','))
        if (const auto field = trim(each); !lists(said->second, field))
            said->second.append(", ").append(field);
}

}  // namespace bulkhead::http
