// SPDX-License-Identifier: Apache-2.0
// Opening a libpq session without blocking the reactor, host name resolution included.
#pragma once

#include "base/error.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "runtime/asio.hpp"
#include "runtime/deadline.hpp"

struct pg_conn;

namespace bulkhead::postgres {

/// A logged-in session in non-blocking pipeline mode, owned by the caller (PQfinish). Failures are logged
/// with the server's words and returned without them.
awaitable<result<pg_conn*>> connect(conninfo target, session_defaults defaults, runtime::deadline limit);

}  // namespace bulkhead::postgres
