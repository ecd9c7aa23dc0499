// SPDX-License-Identifier: Apache-2.0
// Whether a URL may be called, and where it leads: the guard against requests that customers forge through us
// (SSRF). A name is resolved once; all its addresses are checked, and the connection goes to those and no
// others, so that a name that means something else a moment later (DNS rebinding) gains nothing.
#pragma once

#include <span>

#include "outbound/resolver.hpp"
#include "outbound/url.hpp"

namespace bulkhead::outbound {

struct target_rules {
    bool plain_http = false;  // http:// as well, for development
    address_rules addresses{};
};

/// Parsed and, if the host is an address, checked; names are not resolved. For the moment at which a customer
/// gives the URL: the call checks again.
[[nodiscard]] std::expected<url, refusal> check_target(std::string_view text, const target_rules& rules);

/// The addresses to connect to, each of them admitted: at most 8, and none when the host has none. A refusal
/// when a single one is not admitted: no honest name has public addresses beside ours. Blocks.
[[nodiscard]] std::expected<std::vector<ip_address>, refusal> addresses_of(const url& target,
                                                                           const target_rules& rules,
                                                                           const resolver& resolve);

/// The addresses that a connection may have, asked at the very moment at which it is made.
class pinned_addresses {
public:
    /// Views what outlives this object.
    pinned_addresses(std::span<const ip_address> pinned, const address_rules& rules)
        : pinned_(pinned), rules_(&rules) {}
    /// One of those that were pinned, and still admitted.
    [[nodiscard]] bool hold(const ip_address& peer) const;

private:
    std::span<const ip_address> pinned_;
    const address_rules* rules_;
};

}  // namespace bulkhead::outbound
