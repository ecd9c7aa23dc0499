// SPDX-License-Identifier: Apache-2.0
// From names to addresses, by whatever the system uses (files, DNS). Blocks for as long as the name servers
// take (resolv.conf: timeout and attempts), so it is for threads that may. Safe from any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "outbound/address_rules.hpp"

namespace bulkhead::outbound {

/// All addresses of a host, of both families, the preferred first; empty when there are none to be had.
using resolver = std::function<std::vector<ip_address>(const std::string& host)>;

/// getaddrinfo(3), without asking whether this machine has IPv6: every address is to be checked.
[[nodiscard]] std::vector<ip_address> resolve_by_system(const std::string& host);

}  // namespace bulkhead::outbound
