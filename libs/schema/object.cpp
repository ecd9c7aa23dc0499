// SPDX-License-Identifier: Apache-2.0
#include "schema/object.hpp"

#include <algorithm>

namespace bulkhead::schema {
namespace {

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

const json::object* expect_object(const json::value& in, const place& at) {
    const auto* object = in.if_object();
    if (object == nullptr) at.refuse("wrong_type", "must be an object");
    return object;
}

bool refuse_missing(const place& at) { return at.refuse("required", "is required"); }

bool refuse_unknown(const json::object& in, std::span<const std::string_view> names, const place& at) {
    bool sound = true;
    for (const auto& member : in)
        if (!is_one_of(names, member.key()))
            sound = at.member(member.key()).refuse("unknown_member", "is not a known member");
    return sound;
}

bool refuse_strange(const query_parameters& in, std::span<const std::string_view> names, const place& at) {
    bool sound = true;
    for (auto it = in.begin(); it != in.end(); ++it) {
        const auto same = [&](const auto& other) { return other.first == it->first; };
        const auto before = std::count_if(in.begin(), it, same);
        if (before == 0 && !is_one_of(names, it->first))
            sound = at.member(it->first).refuse("unknown_parameter", "is not a known parameter");
        if (before == 1) sound = at.member(it->first).refuse("repeated_parameter", "must be given once");
    }
    return sound;
}

const std::string* find_parameter(const query_parameters& in, std::string_view name) noexcept {
    const auto at =
        std::ranges::find(in, name, [](const auto& pair) { return std::string_view(pair.first); });
    return at == in.end() ? nullptr : &at->second;
}

}  // namespace bulkhead::schema
