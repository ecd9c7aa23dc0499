// SPDX-License-Identifier: Apache-2.0
// The connection URL of PostgreSQL: what other stacks write is turned into what libpq takes. Plain functions,
// safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace bulkhead::config {

struct database_url {
    secret url;            // postgresql://..., as libpq takes it (PostgreSQL manual, 34.1.1.2)
    std::string ssl_mode;  // its sslmode; empty: the URL says nothing
    bool local;            // every host is loopback or a Unix socket
};

/// postgresql://, postgres:// and SQLAlchemy's postgresql+driver://, whose `ssl` parameter becomes sslmode.
/// The name of the database is required. errc::validation_failed otherwise; the detail never repeats the URL.
result<database_url> parse_database_url(std::string_view url);

/// Whether a host as libpq takes it, each one of a list, is loopback or a Unix socket; so is none at all.
bool is_local_host(std::string_view hosts);

/// "disable" ... "verify-full": the words of libpq's sslmode.
bool is_ssl_mode(std::string_view word) noexcept;

/// Whether this sslmode refuses a connection without TLS.
bool demands_tls(std::string_view ssl_mode) noexcept;

}  // namespace bulkhead::config
