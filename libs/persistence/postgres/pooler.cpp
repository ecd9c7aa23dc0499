// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pooler.hpp"

#include <string_view>
#include <vector>

namespace bulkhead::postgres {
namespace {

std::string_view port_of(const std::string& port) { return port.empty() ? "5432" : std::string_view(port); }

}  // namespace

bool pooler::serves(const conninfo& target) const {
    return target.host == server_host && port_of(target.port) == port_of(server_port);
}

conninfo pooler::route(conninfo target) const {
    target.host = host;
    target.port = port;
    // PgBouncer refuses `options`; the address of the server is not where we go.
    std::erase_if(target.extra,
                  [](const auto& each) { return each.first == "options" || each.first == "hostaddr"; });
    return target;
}

}  // namespace bulkhead::postgres
