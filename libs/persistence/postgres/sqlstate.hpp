// SPDX-License-Identifier: Apache-2.0
// What each SQLSTATE means to us: the error a caller sees, whether trying again can help, and whether the
// connection is still good. One table (https://www.postgresql.org/docs/15/errcodes-appendix.html). Pure
// functions.
#pragma once

#include <string_view>

#include "base/error.hpp"

namespace bulkhead::postgres {

enum class retry_policy {
    none,
    retry_transaction,    // rolled back as a whole: the same transaction may run again at once
    retry_if_idempotent,  // the connection went away: it may or may not have been committed
};

struct error_class {
    std::string_view sqlstate;  // five characters, or the first two for the rest of a class
    errc code;
    retry_policy retry;
    bool drop_connection;   // the session is gone or cannot be trusted
    std::string_view name;  // metric label
};

/// The row of an exact SQLSTATE, else of its class, else "other" (errc::internal). An empty one, which is
/// what libpq gives when the connection broke, counts as 08006.
const error_class& classify(std::string_view sqlstate) noexcept;

/// The error to hand up. Carries none of the server's words; errc::unavailable asks to wait a second.
error to_error(std::string_view sqlstate);

}  // namespace bulkhead::postgres
