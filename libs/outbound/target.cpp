// SPDX-License-Identifier: Apache-2.0
#include "outbound/target.hpp"

#include <algorithm>

namespace bulkhead::outbound {
namespace {

/// Says nothing of the address: what names mean inside our network is not the customer's business.
std::unexpected<refusal> not_public() {
    return std::unexpected(refusal{"url_address", "the host is not on the public internet"});
}

}  // namespace

std::expected<url, refusal> check_target(std::string_view text, const target_rules& rules) {
    auto parsed = parse_url(text, rules.plain_http);
    if (parsed && parsed->address && !rules.addresses.admit(*parsed->address)) return not_public();
    return parsed;
}

std::expected<std::vector<ip_address>, refusal> addresses_of(const url& target, const target_rules& rules,
                                                             const resolver& resolve) {
    constexpr std::size_t most_pinned = 8;
    auto found = target.address ? std::vector{*target.address} : resolve(target.host);
    const auto admitted = [&](const ip_address& each) { return rules.addresses.admit(each); };
    if (!std::ranges::all_of(found, admitted)) return not_public();
    if (found.size() > most_pinned) found.resize(most_pinned);
    return found;
}

bool pinned_addresses::hold(const ip_address& peer) const {
    return std::ranges::find(pinned_, peer) != pinned_.end() && rules_->admit(peer);
}

}  // namespace bulkhead::outbound
