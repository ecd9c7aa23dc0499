// SPDX-License-Identifier: Apache-2.0
// Where a database is and how to log in, apart from any connection: parsed once from DATABASE_URL, then
// varied by database and role for each tenant. Plain values, no thread rule; the password never prints.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace bulkhead::postgres {

/// Empty members mean libpq's own default.
struct conninfo {
    std::string host;  // name, address, comma list, or the directory of a Unix socket
    std::string port;
    std::string user;
    std::string dbname;
    secret password;
    std::string sslmode;
    std::vector<std::pair<std::string, std::string>> extra;  // other libpq keywords the URL carried
    bool through_pooler = false;  // there is a PgBouncer in transaction mode: see pooler.hpp

    /// The same server and login, another database.
    [[nodiscard]] conninfo with_database(std::string name) const;

    /// The same server and TLS settings, another database, role and password.
    [[nodiscard]] conninfo with_login(std::string name, std::string role, secret role_password) const;

    /// The same login and TLS settings at another address: without what the URL said of its own server's.
    [[nodiscard]] conninfo at_address(std::string to_host, std::string to_port) const;

    /// The same database and login through the PgBouncer at that address.
    [[nodiscard]] conninfo through(std::string pooler_host, std::string pooler_port) const;

    /// "user@host:port/dbname" for logs and operators, without the password.
    [[nodiscard]] std::string describe() const;

    /// Every member is equal, the password too.
    [[nodiscard]] bool same_as(const conninfo& other) const noexcept;
};

/// Reads postgresql://, postgres:// and SQLAlchemy's postgresql+asyncpg:// (whose `ssl=` becomes `sslmode=`).
/// errc::validation_failed otherwise; the detail never repeats the URL, which holds a password.
result<conninfo> parse_database_url(std::string_view url);

/// What every session of a program starts with. Zero durations leave the server's setting alone.
struct session_defaults {
    std::string application_name = "bulkhead";
    std::chrono::milliseconds statement_timeout{0};
    std::chrono::milliseconds lock_timeout{0};
    std::chrono::milliseconds idle_in_transaction_timeout{0};
    // How often the server looks, while it works on a statement, whether we are still there: otherwise it
    // would finish what nobody waits for.
    std::chrono::milliseconds client_check_interval{0};
};

/// Keyword and value arrays for PQconnectStartParams(keywords(), values(), 0): the conninfo, the session
/// defaults, a 3 s connect timeout per address, and detection of dead peers within 10-25 s.
class connection_parameters {
public:
    connection_parameters(const conninfo& target, const session_defaults& defaults);
    connection_parameters(const connection_parameters&) = delete;
    connection_parameters& operator=(const connection_parameters&) = delete;

    /// Null-terminated; valid as long as this object.
    [[nodiscard]] const char* const* keywords() const noexcept { return keywords_.data(); }
    [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }

private:
    std::vector<std::pair<std::string, std::string>> storage_;
    secret password_;
    std::vector<const char*> keywords_;
    std::vector<const char*> values_;
};

}  // namespace bulkhead::postgres
