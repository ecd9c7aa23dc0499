// SPDX-License-Identifier: Apache-2.0
// Making tenants against a real server: what comes out, what is refused, and what is left of what failed.
#include "lifecycle/creation.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>

#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {
namespace {

TEST_CASE("creation: a tenant is active, with its roles, schema, owner and record", "[integration]") {
    tenant_house f;
    auto at = f.site();
    std::vector<std::string> steps;
    at.on_step = [&](std::string_view step) { steps.emplace_back(step); };
    const auto done = f.create(at, "acme");
    REQUIRE(done);
    CHECK(steps == std::vector<std::string>{"roles", "database", "open", "hand over", "owner", "activate"});

    const auto one = f.find("acme");
    CHECK(one.id == done->tenant);
    CHECK(one.status == tenant_status::active);
    CHECK(one.server.name == "control");
    CHECK(one.schema_version == f.schema.head());
    CHECK(one.database == tenancy::database_name(one.id));
    CHECK(one.owner_role == tenancy::owner_role_name(one.id));
    for (const auto& sealed : {one.sealed_password, one.sealed_owner_password})
        CHECK(sealed.find(one.password.reveal()) == std::string::npos);
    auto other = one;
    other.id = uuid::generate();
    CHECK_FALSE(tenancy::open_password(other, f.box));

    auto app = f.as_application(one);
    const auto users = app.run("select email, role, name, email_verified from users").value();
    REQUIRE(users.size() == 1);
    CHECK(users.text(0, 0) == "boss@acme.test");
    CHECK(users.text(0, 1) == "owner");
    CHECK(users.text(0, 2) == "Boss");

    const auto record = lifecycle::find_operation(at, done->id).value().value();
    CHECK(record.state == operation_state::succeeded);
    CHECK(record.step == "activate");
    CHECK(record.error.empty());
    CHECK_FALSE(record.finished_at.empty());
    CHECK_FALSE(record.input.contains("owner"));  // no secret outlives the work
    f.check_order();
}

TEST_CASE("creation: refuses bad names and taken slugs", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto pointer = [&](lifecycle::new_tenant wanted) {
        const auto refused = lifecycle::begin_creation(at, wanted);
        return refused || refused.error().fields.empty() ? "" : refused.error().fields[0].pointer;
    };
    CHECK(pointer({.slug = "admin", .name = "x"}) == "/slug");
    CHECK(pointer({.slug = "a'; drop table tenants; --", .name = "x"}) == "/slug");
    CHECK(pointer({.slug = "fine", .name = ""}) == "/name");
    CHECK(pointer({.slug = "fine", .name = std::string(201, 'x')}) == "/name");
    CHECK(pointer({.slug = "fine", .name = "x", .owner = lifecycle::owner_account{"nobody", "n", "h"}}) ==
          "/owner/email");
    CHECK(pointer({.slug = "fine", .name = "x", .server = "nowhere"}) == "/server");
    CHECK(f.count("select count(*) from tenants") == 0);
    CHECK(f.count("select count(*) from operations") == 0);

    const auto made = f.make("acme");
    const auto again = f.create(at, "acme");
    REQUIRE_FALSE(again);
    CHECK(again.error().code == errc::conflict);
    CHECK(f.as_application(made).is_open());  // its password was not touched
    CHECK(f.find("acme").name == "Tenant acme");
    f.check_order();
}

TEST_CASE("creation: of many processes that want one slug, one gets it", "[integration]") {
    tenant_house f;
    std::atomic<int> made = 0, conflicts = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < 6; ++i)
        all.emplace_back([&] {
            const auto done =
                f.elsewhere([](lifecycle::site& at) { return tenant_house::create(at, "race"); });
            made += done && done->state == operation_state::succeeded ? 1 : 0;
            conflicts += !done && done.error().code == errc::conflict ? 1 : 0;
        });
    for (auto& one : all) one.join();
    CHECK(made == 1);
    CHECK(conflicts == 5);
    f.check_order();
}

TEST_CASE("creation: twenty at once, the first of their schema on this server", "[integration]") {
    tenant_house f;
    std::atomic<int> made = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < 20; ++i)
        all.emplace_back([&, i] {
            const auto done = f.elsewhere(
                [i](lifecycle::site& at) { return tenant_house::create(at, fmt::format("many-{}", i)); });
            made += done && done->state == operation_state::succeeded ? 1 : 0;
        });
    for (auto& one : all) one.join();
    CHECK(made == 20);
    CHECK(f.count("select count(*) from tenants where status = 'active'") == 20);
    f.check_order();
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

TEST_CASE("control database: every change of a tenant is announced, an unchanged version is not",
          "[integration]") {
    tenant_house f;
    const auto made = f.make("acme"), other = f.make("other");
    listener heard(f.fresh.url());
    REQUIRE(tenancy::save_schema_version(f.control, other.id, other.schema_version));
    REQUIRE(f.control.run("update tenants set storage_bytes = 7, measured_at = now()"));
    REQUIRE(tenancy::save_schema_version(f.control, made.id, made.schema_version + 1));
    CHECK(heard.next().starts_with(made.id.to_string() + " active "));
    CHECK(tenancy::find_tenant(f.control, made.id).value()->schema_version == made.schema_version + 1);
    REQUIRE(f.control.run("delete from tenants where id = $1", {other.id}));
    CHECK(heard.next().starts_with(other.id.to_string() + " purging "));
    CHECK_FALSE(tenancy::find_tenant(f.control, other.id).value());
}

}  // namespace
}  // namespace bulkhead::testing
