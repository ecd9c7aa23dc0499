// SPDX-License-Identifier: Apache-2.0
// Making tenants against a real server: rights, isolation, repetition, and kill -9 between any two steps.
#include "tenancy/provisioning.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "base/testing/catch.hpp"
#include "fresh_database.hpp"
#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::tenancy {
namespace {

using postgres::session;

constexpr auto patience = std::chrono::seconds(5);

struct fixture {
    testing::fresh_database fresh;
    postgres::conninfo admin = postgres::parse_database_url(fresh.url()).value();
    sealed_box box{secret(std::string(32, 'k'))};
    migrations::migration_set schema = migrations::tenant_migrations().value();
    session control = session::open(admin, patience).value();

    fixture() { REQUIRE(migrations::apply(control, migrations::control_migrations().value())); }

    [[nodiscard]] provisioner with() {
        return {.control = control, .admin = admin, .box = box, .schema = schema};
    }
    [[nodiscard]] tenant make(std::string slug) {
        auto made = create_tenant(with(), {.slug = slug, .name = "Tenant " + slug});
        REQUIRE(made);
        return *std::move(made);
    }
    [[nodiscard]] session as_admin(const tenant& one) const {
        return session::open(admin.with_database(one.database), patience).value();
    }
    [[nodiscard]] session as_application(const tenant& one) const {
        return session::open(tenant_conninfo(admin, one), patience).value();
    }
    [[nodiscard]] std::int64_t count(std::string_view sql, std::string_view argument) {
        return control.run(sql, {argument}).value().integer(0, 0);
    }
};

constexpr std::string_view add_user =
    "insert into users (id, email, name, password_hash) values (gen_random_uuid(), 'a@b.test', 'n', 'h')";

TEST_CASE("provisioning: a tenant is active and its role can work with the data, not the schema",
          "[integration]") {
    fixture f;
    const auto made = f.make("acme");
    CHECK(made.status == tenant_status::active);
    CHECK(made.database == database_name(made.id));
    CHECK(made.schema_version == f.schema.head());

    auto stored = find_tenant(f.control, "acme").value().value();
    CHECK(stored.id == made.id);
    CHECK(stored.status == tenant_status::active);
    CHECK(stored.server.name == "control");
    CHECK(stored.sealed_password.find(made.password.reveal()) == std::string::npos);
    REQUIRE(open_password(stored, f.box));
    CHECK(stored.password.reveal() == made.password.reveal());
    auto elsewhere = stored;
    elsewhere.id = uuid::generate();
    CHECK_FALSE(open_password(elsewhere, f.box));

    auto app = f.as_application(stored);
    CHECK(app.run(add_user));
    CHECK(app.run("select * from schema_migrations"));
    for (const std::string_view forbidden :
         {"create table x (a int)", "alter table users add x int", "drop table tasks",
          "create temp table x (a int)", "delete from schema_migrations", "create role x",
          "create database x", "truncate users"}) {
        INFO(forbidden);
        CHECK_FALSE(app.run(forbidden));
        CHECK(app.last_sqlstate() == "42501");
    }

    auto admin = f.as_admin(stored);  // what later migrations make belongs to the application as well
    REQUIRE(admin.run("create table later (a serial)"));
    CHECK(app.run("insert into later default values"));
}

TEST_CASE("provisioning: a role enters its own database only", "[integration]") {
    fixture f;
    const auto open = close_control_server(f.control);
    REQUIRE(open);
    for (const std::string& name : {f.admin.dbname, std::string("postgres"), std::string("template1")})
        CHECK(std::ranges::find(*open, name) == open->end());
    const auto one = f.make("one"), two = f.make("two");
    CHECK(close_control_server(f.control).value() == *open);

    const auto login = tenant_conninfo(f.admin, one);
    CHECK(session::open(login, patience));
    for (const auto& name :
         {two.database, f.admin.dbname, std::string("postgres"), std::string("template1")}) {
        INFO(name);
        CHECK_FALSE(session::open(login.with_database(name), patience));
    }
    CHECK_FALSE(session::open(login.with_login(one.database, one.role, two.password), patience));
}

TEST_CASE("provisioning: refuses bad names and taken slugs", "[integration]") {
    fixture f;
    CHECK(create_tenant(f.with(), {.slug = "admin", .name = "x"}).error().code == errc::validation_failed);
    CHECK(create_tenant(f.with(), {.slug = "fine", .name = ""}).error().fields.at(0).pointer == "/name");
    CHECK(create_tenant(f.with(), {.slug = "fine", .name = std::string(201, 'x')}).error().code ==
          errc::validation_failed);
    CHECK(create_tenant(f.with(), {.slug = "fine", .name = "x", .owner = owner_account{"nobody", "n", "h"}})
              .error()
              .fields.at(0)
              .pointer == "/owner/email");
    CHECK(list_tenants(f.control)->empty());

    const auto made = f.make("acme");
    const auto again = create_tenant(f.with(), {.slug = "acme", .name = "Other"});
    REQUIRE_FALSE(again);
    CHECK(again.error().code == errc::conflict);
    CHECK(f.as_application(made).is_open());  // its password was not touched
    CHECK(find_tenant(f.control, "acme").value()->name == "Tenant acme");
}

TEST_CASE("provisioning: the owner is the tenant's first user", "[integration]") {
    fixture f;
    const auto made = create_tenant(
        f.with(), {.slug = "acme", .name = "A", .owner = owner_account{"Boss@Acme.test", "Boss", "$2b$x"}});
    REQUIRE(made);
    auto app = f.as_application(*made);
    const auto users = app.run("select email, role, name, email_verified from users").value();
    REQUIRE(users.size() == 1);
    CHECK(users.text(0, 0) == "boss@acme.test");
    CHECK(users.text(0, 1) == "owner");
    CHECK(users.text(0, 2) == "Boss");
}

TEST_CASE("provisioning: killed before any step, it is completed by running it again", "[integration]") {
    fixture f;
    std::vector<std::string> steps;
    auto watching = f.with();
    watching.on_step = [&](std::string_view step) { steps.emplace_back(step); };
    REQUIRE(create_tenant(watching, {.slug = "steps", .name = "s"}));
    REQUIRE(steps.size() == 8);

    for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto slug = fmt::format("killed-{}", i);
        const new_tenant wanted{.slug = slug, .name = "k", .owner = owner_account{"o@k.test", "o", "h"}};
        const auto child = ::fork();
        if (child == 0) {  // its own connection: a shared one would be closed twice
            auto control = session::open(f.admin, patience).value();
            const provisioner doomed{.control = control,
                                     .admin = f.admin,
                                     .box = f.box,
                                     .schema = f.schema,
                                     .on_step = [&](std::string_view step) {
                                         if (step == steps[i]) ::raise(SIGKILL);
                                     }};
            (void)create_tenant(doomed, wanted);
            ::_exit(0);
        }
        int outcome = 0;
        REQUIRE(::waitpid(child, &outcome, 0) == child);
        REQUIRE((WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGKILL));

        INFO("killed before " << steps[i]);
        const auto made = create_tenant(f.with(), wanted);
        REQUIRE(made);
        CHECK(f.as_application(*made).run("select 1 from users where role = 'owner'").value().size() == 1);
        CHECK(f.count("select count(*) from tenants where slug = $1", slug) == 1);
    }
    CHECK(f.count("select count(*) from pg_database where datname like $1 and datname in (select database "
                  "from tenants)",
                  "bulkhead\\_t\\_%") == 9);
}

TEST_CASE("provisioning: two processes make one tenant", "[integration]") {
    fixture f;
    std::atomic<int> made = 0, conflicts = 0;
    std::vector<std::thread> both;
    for (int i = 0; i < 2; ++i)
        both.emplace_back([&] {
            auto control = session::open(f.admin, patience).value();
            const provisioner mine{.control = control, .admin = f.admin, .box = f.box, .schema = f.schema};
            const auto done = create_tenant(mine, {.slug = "race", .name = "r"});
            made += done ? 1 : 0;
            conflicts += !done && done.error().code == errc::conflict ? 1 : 0;
        });
    for (auto& one : both) one.join();
    CHECK(made == 1);
    CHECK(conflicts == 1);
    CHECK(f.count("select count(*) from tenants where slug = $1", "race") == 1);
}

/// The payloads that arrive on a channel, one after the other.
class listener {
public:
    explicit listener(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {
        PQclear(PQexec(connection_.get(), "listen bulkhead_tenants"));
    }
    std::string next() {
        for (int tries = 0; tries < 50; ++tries) {
            if (auto* found = PQnotifies(connection_.get())) {
                std::string payload = found->extra;
                PQfreemem(found);
                return payload;
            }
            pollfd descriptor{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
            ::poll(&descriptor, 1, 100);
            PQconsumeInput(connection_.get());
        }
        return "nothing";
    }

private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

TEST_CASE("provisioning: every change of a tenant is announced, an unchanged version is not",
          "[integration]") {
    fixture f;
    const auto made = f.make("acme"), other = f.make("other");
    listener heard(f.fresh.url());
    REQUIRE(save_schema_version(f.control, other.id, other.schema_version));
    REQUIRE(save_schema_version(f.control, made.id, made.schema_version + 1));
    CHECK(heard.next() == made.id.to_string() + " active");
    CHECK(find_tenant(f.control, made.id).value()->schema_version == made.schema_version + 1);
    REQUIRE(f.control.run("delete from tenants where id = $1", {other.id}));
    CHECK(heard.next() == other.id.to_string() + " purging");
    CHECK_FALSE(find_tenant(f.control, other.id).value());
}

}  // namespace
}  // namespace bulkhead::tenancy
