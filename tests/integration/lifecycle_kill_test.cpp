// SPDX-License-Identifier: Apache-2.0
// Recorded work that is killed, refused, repeated, or begun by several at once: what one more run makes of
// it.
#include <atomic>
#include <filesystem>
#include <thread>

#include "base/testing/certificates.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/states.hpp"
#include "lifecycle_fixture.hpp"
#include "storage/file_tree.hpp"

namespace bulkhead::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> places(std::string_view kind, const std::vector<std::string>& steps) {
    std::vector<std::string> out;
    for (const auto& step : steps)
        for (const std::string_view phase : {"before", "after", "saved"})
            out.push_back(fmt::format("{}.{}.{}", kind, step, phase));
    return out;
}

/// What the worker would do.
void go_on(tenant_house& f) {
    auto at = f.site();
    for (int tries = 0; tries < 3 && f.count("select count(*) from operations where finished_at is null") > 0;
         ++tries) {
        REQUIRE(f.control.run("update operations set updated_at = now() - interval '1 day'"));
        REQUIRE(lifecycle::continue_abandoned_work(at, 1s));
    }
}

TEST_CASE("sagas: a creation that is killed anywhere is completed", "[integration]") {
    tenant_house f;
    std::vector<std::string> slugs;
    for (const auto& place :
         places("create", {"roles", "database", "open", "hand over", "owner", "activate"})) {
        slugs.push_back(fmt::format("killed-{}", slugs.size()));
        INFO(place);
        CHECK(f.dies_at(place, [&](auto& at) { return tenant_house::create(at, slugs.back()); }));
        CHECK(f.is_known(slugs.back()));  // nobody else gets the name meanwhile
    }
    go_on(f);
    for (const auto& slug : slugs) CHECK(f.find(slug).status == tenant_status::active);
    f.check_order();
}

TEST_CASE("sagas: killed at the same place again and again, it ends all the same", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto begun = lifecycle::begin_creation(at, f.wanted("stubborn")).value();
    int deaths = 0;
    while (f.dies_at("create.database.before",
                     [&](auto& there) { return lifecycle::continue_work(there, begun); }))
        REQUIRE(++deaths < 50);
    CHECK(deaths == 16);  // then it is the work that is taken for the killer
    const auto record = lifecycle::find_operation(at, begun.id).value().value();
    CHECK(record.state == operation_state::failed);
    CHECK(record.error == "it was interrupted too often");
    CHECK_FALSE(f.is_known("stubborn"));
    f.check_order();
    CHECK(f.create(at, "stubborn"));
    f.check_order();
}

TEST_CASE("sagas: what the server refuses is taken back and says why", "[integration]") {
    tenant_house f;
    REQUIRE(f.control.run("create role weak login createdb createrole password 'weak'"));
    REQUIRE(f.control.run(fmt::format("alter database \"{}\" owner to weak", f.admin.dbname)));
    for (const std::string_view sql : {"grant all on all tables in schema public to weak",
                                       "grant all on all sequences in schema public to weak"})
        REQUIRE(f.control.run(sql));
    const auto login = f.admin.with_login(f.admin.dbname, "weak", secret("weak"));
    auto own = session::open(login, connecting).value();
    lifecycle::site at(own, login, f.box, f.schema);
    REQUIRE(f.create(at, "first"));  // no superuser is needed

    const auto refused = [&](const std::string& slug) {
        const auto done = f.create(at, slug);
        REQUIRE(done);
        CHECK(done->state == operation_state::failed);
        CHECK_FALSE(done->error.empty());
        CHECK_FALSE(f.is_known(slug));
        f.check_order();
    };
    REQUIRE(f.control.run("alter role weak nocreatedb"));
    refused("no-database");
    REQUIRE(f.control.run("alter role weak createdb nocreaterole"));
    refused("no-roles");
    REQUIRE(f.control.run("alter role weak createrole"));
    CHECK(f.create(at, "no-database"));
    CHECK(f.create(at, "no-roles"));
    f.check_order();
    REQUIRE(f.control.run("delete from tenants"));  // for the role to be dropped, with all that is its own
}

TEST_CASE("sagas: a template that is gone is made again", "[integration]") {
    tenant_house f;
    (void)f.make("one");
    for (const auto& name : f.list("select datname from pg_database where datname ~ '^bulkhead_template_'"))
        REQUIRE(f.control.run(fmt::format("drop database \"{}\"", name)));
    (void)f.make("two");
    f.check_order();
}

TEST_CASE("sagas: a failure that passes is waited for, one that does not is undone", "[integration]") {
    tenant_house f;
    REQUIRE(f.control.run("insert into servers (name, host, port) values ('away', '127.0.0.1', 1)"));
    auto at = f.site();
    auto wanted = f.wanted("patient");
    wanted.server = "away";
    const auto begun = lifecycle::begin_creation(at, wanted).value();
    for (int failures = 1; failures < 8; ++failures) {
        const auto record = lifecycle::continue_work(at, begun).value();
        CHECK(record.state == operation_state::running);
        CHECK(record.attempt == failures);
    }
    CHECK(lifecycle::quiet_operations(at, 0ms)->size() == 1);
    CHECK(lifecycle::quiet_operations(at, 1h)->empty());
    CHECK(lifecycle::continue_work(at, begun).value().state == operation_state::undoing);
    // Undone as soon as the server is there to undo it.
    REQUIRE(f.control.run("update servers set host = null, port = null where name = 'away'"));
    CHECK(lifecycle::continue_work(at, begun).value().state == operation_state::failed);
    CHECK_FALSE(f.is_known("patient"));
    f.check_order();
}

TEST_CASE("sagas: many that go on with the same work do it once", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto begun = lifecycle::begin_creation(at, f.wanted("shared")).value();
    std::atomic<int> done = 0, refused = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < 6; ++i)
        all.emplace_back([&] {
            const auto record =
                f.elsewhere([&](auto& there) { return lifecycle::continue_work(there, begun); });
            done += record && record->state == operation_state::succeeded ? 1 : 0;
            refused += !record && record.error().code == errc::conflict ? 1 : 0;
        });
    for (auto& one : all) one.join();
    CHECK(done >= 1);
    CHECK(done + refused == 6);
    CHECK(lifecycle::find_operation(at, begun.id).value()->attempt == 1);
    f.check_order();
}

TEST_CASE("sagas: stopped between two steps, the rest is left to the next", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto begun = lifecycle::begin_creation(at, f.wanted("paused")).value();
    int asked = 0;
    at.stop = [&] { return ++asked == 3; };
    const auto stopped = lifecycle::continue_work(at, begun);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == errc::unavailable);
    const auto record = lifecycle::find_operation(at, begun.id).value().value();
    CHECK(record.state == operation_state::running);
    CHECK(record.step == "database");
    at.stop = {};
    CHECK(lifecycle::continue_work(at, record).value().state == operation_state::succeeded);
    f.check_order();
}

TEST_CASE("sagas: deleted, brought back and purged, killed anywhere", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto begin = [](auto& there, std::string_view kind, const std::string& slug) {
        return kind == "delete"     ? lifecycle::begin_removal(there, slug)
               : kind == "undelete" ? lifecycle::begin_undelete(there, slug)
                                    : lifecycle::begin_purge(there, slug);
    };
    struct round {
        std::string_view kind;
        std::vector<std::string> steps;
        std::string_view end;
    };
    const std::vector<round> rounds{
        {"delete", {"lock out", "put away"}, "deleted"},
        {"undelete", {"bring back", "let in"}, "active"},
        {"delete", {"lock out", "put away"}, "deleted"},
        {"purge", {"keys", "database", "roles", "files", "archives", "certificate"}, ""}};
    for (int i = 0; i < 3; ++i) (void)f.make(fmt::format("t-{}", i));
    for (const auto& [kind, steps, end] : rounds) {
        // The phases are shared out: each tenant dies at one of each step, one after the other.
        const std::array<std::string_view, 3> phases{"before", "after", "saved"};
        for (std::size_t i = 0; i < phases.size(); ++i) {
            const auto slug = fmt::format("t-{}", i);
            const auto begun = begin(at, kind, slug);
            REQUIRE(begun);
            for (const auto& step : steps) {
                INFO(kind << " " << step << " " << phases[i]);
                CHECK(f.dies_at(fmt::format("{}.{}.{}", kind, step, phases[i]),
                                [&](auto& there) { return lifecycle::continue_work(there, *begun); }));
            }
        }
        go_on(f);
        f.check_order();
        for (int i = 0; i < 3; ++i) {
            const auto found = tenancy::find_tenant(f.control, fmt::format("t-{}", i)).value();
            CHECK((found ? std::string(tenancy::status_name(found->status)) : "") == end);
        }
    }
    CHECK(f.count("select count(*) from platform_audit where action = 'tenant.purged'") == 3);
    (void)f.make("t-0");  // the name is free again
}

/// A deleted tenant whose purge has begun; the record of that.
operation condemned(lifecycle::site& at, const std::string& slug) {
    const auto begun = lifecycle::begin_removal(at, slug);
    REQUIRE(begun);
    REQUIRE(lifecycle::continue_work(at, *begun).value().state == operation_state::succeeded);
    const auto purge = lifecycle::begin_purge(at, slug);
    REQUIRE(purge);
    return *purge;
}

void put_file(const storage::file_tree& into, const uuid& tenant, std::string name) {
    const auto key = storage::object_key::make(tenant, {"exports", std::move(name)}).value();
    const auto file = into.stage().value();
    REQUIRE(file->write("of a tenant"));
    REQUIRE(into.publish(*file, key));
}

TEST_CASE("sagas: a purge takes the tenant's files, wherever it is killed", "[integration]") {
    tenant_house f;
    const testing::temporary_folder folder;
    f.settings.storage_folder = folder.path();
    const auto tree = storage::file_tree::open_root(folder.path()).value();
    const auto one = f.make("one"), other = f.make("other");
    for (const auto* name : {"a", "b"}) put_file(tree, one.id, name);
    put_file(tree, other.id, "a");
    auto at = f.site();
    const auto purge = condemned(at, "one");
    const auto of_tenant = folder.path() + "/" + one.id.to_string();
    for (const auto* const place : {"purge.files.before", "storage.buried", "purge.files.after"}) {
        INFO(place);
        CHECK(fs::exists(of_tenant) == (place == std::string_view("purge.files.before") ||
                                        place == std::string_view("storage.buried")));
        CHECK(f.dies_at(place, [&](auto& there) { return lifecycle::continue_work(there, purge); }));
    }
    go_on(f);
    f.check_order();
    CHECK_FALSE(fs::exists(of_tenant));
    CHECK(fs::is_empty(folder.path() + "/.staging"));
    CHECK(fs::exists(folder.path() + "/" + other.id.to_string() + "/exports/a"));
    CHECK(f.list("select detail->>'files_removed_from' from platform_audit "
                 "where action = 'tenant.purged' and detail->'destroyed' ? 'files'") ==
          std::vector<std::string>{folder.path()});
}

TEST_CASE("sagas: a purge where the storage is not says so", "[integration]") {
    tenant_house f;
    const testing::temporary_folder folder;
    f.settings.storage_folder = folder.path() + "/absent";
    (void)f.make("one");
    auto at = f.site();
    CHECK(lifecycle::continue_work(at, condemned(at, "one")).value().state == operation_state::succeeded);
    CHECK_FALSE(fs::exists(f.settings.storage_folder));
    CHECK(f.list("select detail->>'files_out_of_reach' from platform_audit where action = 'tenant.purged' "
                 "and not detail->'destroyed' ? 'files'") ==
          std::vector<std::string>{f.settings.storage_folder});
}

TEST_CASE("sagas: a suspended tenant comes back suspended", "[integration]") {
    tenant_house f;
    auto at = f.site();
    const auto one = f.make("one");
    REQUIRE(lifecycle::suspend(at, "one", "unpaid"));
    CHECK_FALSE(session::open(f.application_login(one), connecting));
    REQUIRE(lifecycle::continue_work(at, lifecycle::begin_removal(at, "one").value()));
    CHECK(lifecycle::begin_removal(at, "one").error().code == errc::conflict);
    REQUIRE(lifecycle::continue_work(at, lifecycle::begin_undelete(at, "one").value()));
    CHECK(f.find("one").status == tenant_status::suspended);
    CHECK_FALSE(session::open(f.application_login(one), connecting));
    REQUIRE(lifecycle::resume(at, "one"));
    CHECK(session::open(f.application_login(one), connecting));
    f.check_order();
}

}  // namespace
}  // namespace bulkhead::testing
