// SPDX-License-Identifier: Apache-2.0
#include "tenancy/limits.hpp"

#include <boost/mp11/algorithm.hpp>

#include <type_traits>

#include "observability/log.hpp"

namespace bulkhead::tenancy {

tenant_limits parse_limits(std::string_view text) {
    tenant_limits out;
    if (text.empty() || text == "{}") return out;
    const auto read = parse_json(text);
    const auto* const given = read ? read->if_object() : nullptr;
    std::size_t understood = 0;
    using members = boost::describe::describe_members<tenant_limits, boost::describe::mod_public>;
    boost::mp11::mp_for_each<members>([&](auto member) {
        const auto* const found = given ? given->if_contains(member.name) : nullptr;
        if (!found) return;
        auto& limit = out.*member.pointer;
        auto value = schema::from_json<std::remove_reference_t<decltype(limit)>>(*found);
        if (!value) return;
        limit = *std::move(value);
        ++understood;
    });
    if (!given || understood < given->size())
        log::warn("limits of a tenant that cannot be read are not applied", {{"limits", text}});
    return out;
}

}  // namespace bulkhead::tenancy
