// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/site.hpp"

#include <boost/json/serialize.hpp>

#include "lifecycle/servers.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

/// After this, the server may have gone without our hearing of it.
constexpr std::chrono::seconds trusted{1};

}  // namespace

site::site(postgres::session& control, const postgres::conninfo& control_info, const sealed_box& box,
           const migrations::migration_set& schema, site_settings settings)
    : control_(control),
      control_info_(control_info),
      box_(box),
      schema_(schema),
      settings_(std::move(settings)) {}

result<postgres::conninfo> site::admin_conninfo(std::string_view server, std::string database) {
    const auto login = server_login(*this, server);
    if (!login) return login;
    return login->with_database(std::move(database));
}

result<postgres::session*> site::server(std::string_view name) {
    // Read each time: a server may be registered anew under its old name, with another address or password.
    auto login = admin_conninfo(name, "postgres");
    if (!login) return std::unexpected(std::move(login.error()));
    if (login->host == control_info_.host && login->port == control_info_.port) return &control_;
    const auto now = std::chrono::steady_clock::now();
    if (const auto found = sessions_.find(name); found != sessions_.end()) {
        auto& [known, session, used] = found->second;
        const bool good =
            known.same_as(*login) && session.is_open() && (now - used < trusted || session.run("select 1"));
        used = now;
        if (good) return &session;
    }
    auto opened = connect(*login);
    if (!opened) return std::unexpected(std::move(opened.error()));
    // In its old place: a caller may still hold a pointer to the session that broke.
    const auto kept = sessions_.insert_or_assign(std::string(name),
                                                 open_session{*std::move(login), *std::move(opened), now});
    return &kept.first->second.session;
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
