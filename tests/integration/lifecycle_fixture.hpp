// SPDX-License-Identifier: Apache-2.0
// Tenants on the server that the program's tests share, under a control database of the test's own: made and
// ended here, or by child processes that are killed on the way.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/catch.hpp"
#include "base/testing/dies_at.hpp"
#include "fresh_database.hpp"
#include "lifecycle/creation.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/operation.hpp"
#include "lifecycle/site.hpp"
#include "lifecycle/tenant_database.hpp"
#include "lifecycle/work.hpp"
#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::testing {

using namespace std::chrono_literals;
using lifecycle::operation;
using lifecycle::operation_state;
using postgres::session;
using tenancy::tenant;
using tenancy::tenant_status;

inline constexpr auto connecting = std::chrono::seconds(20);

struct tenant_house {
    fresh_database fresh;
    postgres::conninfo admin = postgres::parse_database_url(fresh.url()).value();
    sealed_box box{secret(std::string(32, 'k'))};
    migrations::migration_set schema = migrations::tenant_migrations().value();
    session control = session::open(admin, connecting).value();
    lifecycle::site_settings settings{};

    tenant_house() {
        REQUIRE(migrations::apply(control, migrations::control_migrations().value()));
        before = orphans();
    }

    [[nodiscard]] lifecycle::site site() { return {control, admin, box, schema, settings}; }

    /// A site with a session of its own, for another thread or process.
    template <class F>
    auto elsewhere(F work) const {
        auto own = session::open(admin, connecting).value();
        lifecycle::site at(own, admin, box, schema, settings);
        return work(at);
    }

    [[nodiscard]] static lifecycle::new_tenant wanted(std::string slug) {
        return {.slug = slug,
                .name = "Tenant " + slug,
                .owner = lifecycle::owner_account{"Boss@" + slug + ".test", "Boss", "$2b$x"}};
    }

    /// Begins and continues; the record.
    [[nodiscard]] static result<operation> create(lifecycle::site& at, std::string slug) {
        const auto begun = lifecycle::begin_creation(at, wanted(std::move(slug)));
        return begun ? lifecycle::continue_creation(at, *begun) : begun;
    }

    /// A tenant that is active, with its password.
    [[nodiscard]] tenant make(const std::string& slug) {
        auto at = site();
        const auto done = create(at, slug);
        REQUIRE(done);
        REQUIRE(done->state == operation_state::succeeded);
        return find(slug);
    }
    [[nodiscard]] tenant find(const std::string& slug) {
        auto found = tenancy::find_tenant(control, slug);
        REQUIRE(found);
        REQUIRE(*found);
        REQUIRE(tenancy::open_password(**found, box));
        return **found;
    }
    [[nodiscard]] bool is_known(const std::string& slug) {
        const auto found = tenancy::find_tenant(control, slug);
        REQUIRE(found);
        return found->has_value();
    }

    [[nodiscard]] postgres::conninfo application_login(const tenant& one) const {
        return tenancy::tenant_conninfo(admin, one);
    }
    [[nodiscard]] postgres::conninfo owner_login(const tenant& one) const {
        return tenancy::owner_conninfo(admin, one, box).value();
    }
    [[nodiscard]] session as_admin(const tenant& one) const {
        return session::open(admin.with_database(one.database), connecting).value();
    }
    [[nodiscard]] session as_application(const tenant& one) const {
        return session::open(application_login(one), connecting).value();
    }
    [[nodiscard]] session as_owner(const tenant& one) const {
        return session::open(owner_login(one), connecting).value();
    }

    /// The first column of every row.
    [[nodiscard]] std::vector<std::string> list(std::string_view sql) {
        const auto found = control.run(sql);
        REQUIRE(found);
        std::vector<std::string> out;
        for (std::size_t row = 0; row < found->size(); ++row) out.emplace_back(found->text(row, 0));
        return out;
    }
    [[nodiscard]] std::int64_t count(std::string_view sql) {
        const auto found = control.run(sql);
        REQUIRE(found);
        return found->integer(0, 0);
    }

    /// Databases and roles of tenants that no row of this control database names, beside those that were
    /// there before: each test program has the server to itself, but not each test.
    [[nodiscard]] std::vector<std::string> orphans() {
        std::vector<std::string> out;
        for (auto& name :
             list("select datname from pg_database where datname ~ '^bulkhead_(t|deleted)_' "
                  "except select database from tenants except select database from spare_databases "
                  "union all (select rolname from pg_roles where rolname ~ '^bulkhead_t_' "
                  "except select role_name from tenants except select owner_role from tenants "
                  "except select role_name from spare_databases "
                  "except select owner_role from spare_databases) order by 1"))
            if (std::ranges::find(before, name) == before.end()) out.push_back(std::move(name));
        return out;
    }
    std::vector<std::string> before{};

    /// Active tenants work and have their owner; others cannot be entered. Nothing is unfinished.
    void check_order() {
        CHECK(orphans() == std::vector<std::string>{});
        CHECK(list("select kind || ' ' || slug || ' ' || step from operations where finished_at is null") ==
              std::vector<std::string>{});
        const auto all = tenancy::list_tenants(control);
        REQUIRE(all);
        for (auto one : *all) {
            INFO(one.slug << " is " << tenancy::status_name(one.status));
            CHECK(one.status != tenant_status::provisioning);
            CHECK(one.status != tenant_status::purging);
            REQUIRE(tenancy::open_password(one, box));
            auto inside = session::open(application_login(one), connecting);
            CHECK(inside.has_value() == (one.status == tenant_status::active));
            if (!inside) continue;
            CHECK(inside->run("select 1 from users where role = 'owner'")->size() == 1);
            CHECK(inside->run("select max(version) from schema_migrations")->integer(0, 0) ==
                  one.schema_version);
        }
    }

    /// Lets a child process do `work`, and says whether it ended with SIGKILL, as the fail point wants.
    template <class F>
    [[nodiscard]] bool dies_at(const std::string& fail_point, F work) const {
        return testing::dies_at(fail_point, [&] { (void)elsewhere(work); });
    }
};

}  // namespace bulkhead::testing
