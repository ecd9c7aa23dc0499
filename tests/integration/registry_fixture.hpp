// SPDX-License-Identifier: Apache-2.0
// A registry on a reactor of its own, before a real control database whose reads are counted and can be
// slowed down. It holds one tenant, "acme", whose database is the control database itself.
#pragma once

#include <limits>

#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "pool_fixture.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::tenancy {

/// Opens a tenant's database without a request.
class tenant_door {
public:
    static postgres::database open(registry& in, const known_tenant& of, runtime::deadline limit) {
        return in.open(tenant_passage(), of, limit);
    }
};

}  // namespace bulkhead::tenancy

namespace bulkhead::testing {

using tenancy::known_tenant;
using tenancy::registry;
using tenancy::registry_metrics;
using tenancy::registry_settings;
using tenancy::tenant_door;
using tenancy::tenant_status;
using found = registry::found;

// Everybody who reads tenants goes through a function that counts and, when told so, sleeps.
inline constexpr auto counted_tenants = R"(
alter table tenants rename to tenants_behind;
create sequence loads;
create table delay (seconds float8 not null);
insert into delay values (0);
create function counted_tenants() returns setof tenants_behind language plpgsql volatile as $$
begin
    perform nextval('loads');
    return query select * from tenants_behind;
    perform pg_sleep((select seconds from delay));
end
$$;
create view tenants as select * from counted_tenants();
)";

inline awaitable<found> look_up(registry& in, std::string slug, std::chrono::milliseconds time) {
    co_return co_await in.by_slug(std::move(slug), runtime::deadline::in(time));
}

inline awaitable<found> look_up_id(registry& in, uuid id) {
    co_return co_await in.by_id(id, runtime::deadline::in(10s));
}

inline awaitable<text_result> ask_tenant(registry& in, std::shared_ptr<const known_tenant> of,
                                         std::string sql) {
    const auto db = tenant_door::open(in, *of, runtime::deadline::in(20s));
    auto rows = co_await db.read(std::string_view(sql));
    if (!rows) co_return text_result(std::move(rows.error()));
    co_return text_result((*rows)[0].get<std::string>(0));
}

class registry_house {
public:
    std::string name = fresh_database_name();
    postgres::conninfo control = target_of(name);
    sealed_box box{secret(std::string(32, 'k'))};
    uuid id = uuid::generate();
    std::string role = "role_of_" + name;
    pool_house house{
        {.session = {.client_check_interval = 20ms}, .connect_timeout = 1000ms, .idle_close = 500ms}};
    metrics::registry counts;
    registry tenants;

    explicit registry_house(registry_settings settings = {})
        : tenants(house.pools(), control, box, registry_metrics(counts), settings) {
        auto admin = postgres::session::open(control, 5s).value();
        REQUIRE(migrations::apply(admin, migrations::control_migrations().value()));
        execute(counted_tenants);
        execute(fmt::format("create role {} login password 'first'", role));
        execute(
            fmt::format("insert into tenants_behind (id, slug, name, status, server_id, database, role_name, "
                        "role_password_sealed) "
                        "select '{}', 'acme', 'Acme', 'active', id, '{}', '{}', '{}' from servers",
                        id.to_string(), name, role, box.seal("first", id.to_string())));
    }
    // The registry's coroutines end before it does.
    ~registry_house() { house.stop(); }

    std::string execute(const std::string& sql) const { return shared_servers().execute(name, sql); }
    void slow_down(double seconds) const { execute(fmt::format("update delay set seconds = {}", seconds)); }
    [[nodiscard]] int loads() const {
        return std::stoi(execute("select case when is_called then last_value else 0 end from loads"));
    }
    std::future<found> begin(std::string slug, std::chrono::milliseconds time = 10s) {
        return house.spawn(look_up(tenants, std::move(slug), time));
    }
    found find(std::string slug, std::chrono::milliseconds time = 10s) {
        return must_end(begin(std::move(slug), time));
    }
    found find_id() { return must_end(house.spawn(look_up_id(tenants, id))); }
    std::future<text_result> ask(std::shared_ptr<const known_tenant> of, std::string sql) {
        return house.spawn(ask_tenant(tenants, std::move(of), std::move(sql)));
    }
    /// Another one, which cannot be opened.
    void add_tenant(const std::string& slug) const {
        const auto other = uuid::generate().to_string();
        execute(fmt::format(
            "insert into tenants_behind (id, slug, name, status, server_id, database, role_name, "
            "role_password_sealed) select '{}', '{}', 'Other', 'active', id, '{}', 'nobody', '{}' "
            "from servers",
            other, slug, other, box.seal("x", other)));
    }
    /// As the feed would tell.
    void change(tenant_status status) {
        house.on_reactor([&] { tenants.on_change({id, status, std::numeric_limits<std::int64_t>::max()}); });
    }
    void set_status(std::string_view status) const {
        execute(fmt::format("update tenants_behind set status = '{}'", status));
    }
    /// Sessions of the tenant's role.
    [[nodiscard]] int backends() const {
        return std::stoi(
            execute(fmt::format("select count(*) from pg_stat_activity where usename = '{}'", role)));
    }
    void change_password(const std::string& password) const {
        execute(fmt::format("alter role {} password '{}'", role, password));
        execute(fmt::format("update tenants_behind set role_password_sealed = '{}'",
                            box.seal(password, id.to_string())));
    }
};

}  // namespace bulkhead::testing
