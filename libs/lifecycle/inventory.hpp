// SPDX-License-Identifier: Apache-2.0
// Databases and roles by name: those that the control database knows, and those that are on a server.
// Blocking; one thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// What a server has under names that begin with "bulkhead_".
struct server_inventory {
    std::set<std::string, std::less<>> databases;
    std::map<std::string, bool, std::less<>> roles;  // true: our login may act as it

    /// Whether other installations make tenants here.
    [[nodiscard]] bool has_templates_besides(std::string_view prefix) const;
};
result<server_inventory> take_inventory(postgres::session& server);

struct known_tenant {
    tenancy::tenant row;
    bool unfinished = false;  // work on it may have left things on any server
};

/// What should be there.
struct inventory {
    std::vector<known_tenant> tenants;
    std::map<std::string, std::string, std::less<>> spares;  // the 32 digits of the id, server

    /// Databases and roles with a name like a tenant's that belong to none that lives on `server`: "database"
    /// or "role", name.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> strangers(const server_inventory& there,
                                                                             std::string_view server) const;
};
result<inventory> read_inventory(const site& at);

}  // namespace bulkhead::lifecycle
