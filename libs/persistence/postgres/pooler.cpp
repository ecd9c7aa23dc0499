// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pooler.hpp"

#include <string_view>

namespace bulkhead::postgres {
namespace {

std::string_view port_of(const std::string& port) { return port.empty() ? "5432" : std::string_view(port); }

bool serves(const pooler& one, const conninfo& target) {
    return target.host == one.server_host && port_of(target.port) == port_of(one.server_port);
}

}  // namespace

conninfo pooler::route(const conninfo& target) const {
    return !target.through_pooler && serves(*this, target) ? target.through(host, port) : target;
}

}  // namespace bulkhead::postgres
