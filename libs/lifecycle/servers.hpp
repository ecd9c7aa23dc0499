// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL servers that tenants can live on. "control" is the control database's own. Blocking; one
// thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

struct server {
    tenancy::server_address address;
    std::string admin_user;  // empty: that of the control database
    bool accepts_tenants = true;
    std::int64_t tenants = 0;
};

/// In the order of their names.
result<std::vector<server>> list_servers(const site& at);

/// Registers a server after a successful login as its administrator, and closes its main databases to
/// tenants. Its sslmode is kept; what else the URL says must be what the control database's says, which is
/// what connections to every server go by. errc::conflict when the name is taken, errc::validation_failed for
/// a bad name, parameters that cannot be kept, a way in the clear where TLS is demanded, or a login without
/// the rights to make databases and roles.
result<void> add_server(const site& at, std::string_view name, const postgres::conninfo& admin);

/// errc::conflict while tenants live there, errc::not_found for an unknown name or "control".
result<void> remove_server(const site& at, std::string_view name);

/// Whether new tenants may be placed there.
result<void> accept_tenants(const site& at, std::string_view name, bool accept);

/// The PgBouncer through which requests reach the tenants of a server; an empty host: none. Every process
/// hears of it. errc::validation_failed for a port that is none or a way in the clear where TLS is demanded,
/// errc::not_found for an unknown name.
result<void> set_pooler(const site& at, std::string_view name, std::string_view host, std::string_view port);

/// Where tenants' data would cross a network in the clear though the site demands TLS: "HOST (sslmode MODE)"
/// of the server or of its pooler; nullopt: nowhere.
std::optional<std::string> way_in_the_clear(const site& at, const tenancy::server_address& server);

/// How an administrator logs in to a server, in its main database. errc::not_found for an unknown name.
result<postgres::conninfo> server_login(const site& at, std::string_view name);

/// Takes CONNECT away from PUBLIC on the session's own database, and on `postgres` and `template1` where this
/// login may: a tenant's role can then enter only its own. Returns the databases of the server that every
/// role may still enter.
result<std::vector<std::string>> close_server(postgres::session& main);

/// The databases of a server that every role may enter.
result<std::vector<std::string>> open_databases(postgres::session& main);

}  // namespace bulkhead::lifecycle
