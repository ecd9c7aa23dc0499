// SPDX-License-Identifier: Apache-2.0
// Opening a libpq session without blocking the reactor, host name resolution included.
#pragma once

#include <expected>
#include <string>

#include "base/error.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "runtime/asio.hpp"
#include "runtime/deadline.hpp"

struct pg_conn;

namespace bulkhead::postgres {

/// Why there is no session.
struct connect_failure {
    error told;         // for clients: none of the server's words
    std::string words;  // for operators: what the server or libpq said
};

/// A logged-in session in non-blocking pipeline mode, owned by the caller (PQfinish). Failures are logged.
awaitable<std::expected<pg_conn*, connect_failure>> connect(conninfo target, session_defaults defaults,
                                                            runtime::deadline limit);

}  // namespace bulkhead::postgres
