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

/// A logged-in session, and a copy of its socket's descriptor for the reactor to watch: libpq closes its own
/// as soon as it fails, and the number may be another file's before the reactor looks away. The caller owns
/// both (PQfinish, close).
struct connected_session {
    pg_conn* session;
    int watched;
};

/// In non-blocking pipeline mode. Failures are logged.
awaitable<std::expected<connected_session, connect_failure>> connect(conninfo target,
                                                                     session_defaults defaults,
                                                                     runtime::deadline limit);

}  // namespace bulkhead::postgres
