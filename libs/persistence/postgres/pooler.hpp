// SPDX-License-Identifier: Apache-2.0
// PgBouncer in transaction mode, between us and a server: another address, and a session that is another one
// after each transaction. So nothing may be set at the start of a session or prepared under a name, and one
// operation at a time is under way: PgBouncer (1.18 to 1.24) may give a server away when it has read the
// answer to one operation and half of the next. Plain values.
#pragma once

#include <string>

#include "persistence/postgres/conninfo.hpp"

namespace bulkhead::postgres {

struct pooler {
    std::string host;  // where PgBouncer listens
    std::string port;
    std::string server_host;  // which server it leads to, as conninfo names it
    std::string server_port;

    /// The way to `target`: through this pooler when that is on its server.
    [[nodiscard]] conninfo route(const conninfo& target) const;
};

}  // namespace bulkhead::postgres
