// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/site.hpp"

#include <boost/json/serialize.hpp>

#include "lifecycle/servers.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {

site::site(postgres::session& control, const postgres::conninfo& control_info, const sealed_box& box,
           const migrations::migration_set& schema, site_settings settings)
    : control_(control),
      control_info_(control_info),
      box_(box),
      schema_(schema),
      settings_(std::move(settings)) {}

result<postgres::conninfo> site::admin_conninfo(std::string_view server, std::string database) {
    if (const auto known = logins_.find(server); known != logins_.end())
        return known->second.with_database(std::move(database));
    auto login = server_login(*this, server);
    if (!login) return login;
    const auto kept = logins_.emplace(server, *std::move(login)).first;
    return kept->second.with_database(std::move(database));
}

result<postgres::session*> site::server(std::string_view name) {
    if (const auto open = sessions_.find(name); open != sessions_.end() && open->second.is_open())
        return &open->second;
    auto login = admin_conninfo(name, "postgres");
    if (!login) return std::unexpected(std::move(login.error()));
    if (login->host == control_info_.host && login->port == control_info_.port) return &control_;
    auto opened = connect(*login);
    if (!opened) return std::unexpected(std::move(opened.error()));
    return &sessions_.insert_or_assign(std::string(name), *std::move(opened)).first->second;
}

result<postgres::rows> run(postgres::session& on, std::string_view sql,
                           std::initializer_list<postgres::parameter> parameters) {
    auto done = on.run(sql, parameters);
    if (!done) log::error("a statement failed", {{"reason", on.last_message()}});
    return done;
}

result<void> run_script(postgres::session& on, std::string_view sql) {
    auto done = on.run_script(sql);
    if (!done) log::error("a statement failed", {{"reason", on.last_message()}});
    return done;
}

result<postgres::session> connect(const postgres::conninfo& target) {
    postgres::database_error why;
    auto opened = postgres::session::open(target, std::chrono::seconds(10),
                                          {.application_name = "bulkhead-lifecycle"}, &why);
    if (!opened)
        log::error("cannot connect to the database",
                   {{"target", target.describe()}, {"reason", why.to_string()}});
    return opened;
}

result<void> audit(const site& at, std::string_view action, const uuid& tenant, std::string_view slug,
                   const json::object& detail) {
    auto noted = detail;
    if (!at.request_id.empty()) noted["request_id"] = at.request_id;
    const auto done = run(at.control(),
                          "insert into platform_audit (actor, action, tenant_id, slug, detail) "
                          "values ($1, $2, $3, $4, $5::jsonb)",
                          {at.settings().actor, action, tenant, slug, json::serialize(noted)});
    if (!done) return std::unexpected(done.error());
    return {};
}

}  // namespace bulkhead::lifecycle
