// SPDX-License-Identifier: Apache-2.0
// Clone, export and import, move between two servers, with data that are hard to copy.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lifecycle/archive.hpp"
#include "lifecycle/clone.hpp"
#include "lifecycle/dump.hpp"
#include "lifecycle/import.hpp"
#include "lifecycle/move.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/servers.hpp"
#include "lifecycle/states.hpp"
#include "lifecycle_fixture.hpp"

namespace bulkhead::testing {
namespace {

namespace fs = std::filesystem;
using lifecycle::table_count;

/// The server that tenants are moved to.
servers& other_server() {
    static servers instance;
    return instance;
}

struct copy_house : tenant_house {
    copy_house() {
        const auto login = postgres::parse_database_url(other_server().database_url()).value();
        REQUIRE(lifecycle::add_server(site(), "other", login));
        REQUIRE(lifecycle::accept_tenants(site(), "other", false));
        other_before = other_orphans();
        folder = fs::temp_directory_path() / fmt::format("copies-{}", uuid::generate().to_compact());
        fs::create_directory(folder);
    }
    copy_house(const copy_house&) = delete;
    copy_house& operator=(const copy_house&) = delete;
    ~copy_house() { fs::remove_all(folder); }

    [[nodiscard]] std::string file(std::string_view name) const { return (folder / name).string(); }

    /// What tenants left on the other server, beside those of other tests.
    [[nodiscard]] static std::string other_orphans() {
        return other_server().execute(
            "bulkhead",
            "select coalesce(string_agg(name, ' ' order by name), '') from "
            "(select datname as name from pg_database where datname ~ '^bulkhead_(t|deleted)_' "
            "union all select rolname from pg_roles where rolname ~ '^bulkhead_t_') all_names");
    }

    [[nodiscard]] operation clone(std::string_view source, const std::string& slug) {
        auto at = site();
        const auto begun = lifecycle::begin_clone(at, source, {.slug = slug, .name = ""});
        REQUIRE(begun);
        const auto done = lifecycle::continue_work(at, *begun);
        REQUIRE(done);
        return *done;
    }
    [[nodiscard]] result<operation> import(const std::string& path, const std::string& slug) {
        auto at = site();
        const auto begun = lifecycle::begin_import(at, path, {.slug = slug, .name = ""});
        return begun ? lifecycle::continue_work(at, *begun) : begun;
    }
    [[nodiscard]] operation move(std::string_view slug, std::chrono::milliseconds max_pause = 300s) {
        auto at = site();
        const auto begun = lifecycle::begin_move(at, slug, "other", max_pause);
        REQUIRE(begun);
        const auto done = lifecycle::continue_work(at, *begun);
        REQUIRE(done);
        return *done;
    }

    /// The server takes a moment to notice that a session's process is gone.
    [[nodiscard]] operation continue_after_kill(lifecycle::site& at, const operation& begun) {
        const auto until = std::chrono::steady_clock::now() + connecting;
        for (;;) {
            auto done = lifecycle::continue_work(at, begun);
            const bool locked = !done && done.error().code == errc::conflict;
            if (!locked || std::chrono::steady_clock::now() > until) REQUIRE(done);
            if (done) return *done;
            std::this_thread::sleep_for(10ms);
        }
    }

    /// Everything that a dump could lose or change.
    void fill(const tenant& one, int tasks) const {
        auto data = as_application(one);
        REQUIRE(
            data.run("insert into users (id, email, name, password_hash) select gen_random_uuid(), "
                     "'user' || i || '@x.test', U&'\\+01F680 \\00FC\\4E2D\\0301 ' || i, 'h' "
                     "from generate_series(1, 50) i"));
        REQUIRE(
            data.run("insert into tasks (id, user_id, title, description, priority, created_at) "
                     "select gen_random_uuid(), (select id from users order by email limit 1), "
                     "U&'t\\00E4sk \\+01F4A5 ' || i, repeat('back\\slash ''quote'' tab\t', i % 20), "
                     "i % 3, '2024-02-29T12:34:56.789012Z' from generate_series(1, $1::int) i",
                     {tasks}));
        auto owner = as_owner(one);
        REQUIRE(owner.run_script(
            "create table counters (id bigint primary key generated always as identity, n serial, "
            "half numeric generated always as (n / 2.0) stored, payload bytea, at timestamptz, j jsonb, "
            "f float8);"
            "insert into counters (payload, at, j, f) select decode('00ff5c0a', 'hex'), 'infinity', "
            "'{\"a\": [1, null, \"\\u00e4\"]}', 'NaN' from generate_series(1, 500);"
            "alter sequence counters_n_seq increment by 7;"
            "create table sessions (id int primary key, secret text);"
            "insert into sessions values (1, 'of this tenant only');"
            "create view busy as select count(*) from tasks where not completed;"
            "create index tasks_by_month on tasks (date_trunc('month', created_at at time zone 'UTC'));"));
        REQUIRE(lifecycle::grant_application(owner, one.role));
    }

    /// Every row of every table, in one hash for each table.
    [[nodiscard]] std::vector<std::string> contents(const tenant& one, std::string_view without = "") const {
        auto owner = session::open(owner_login(one), connecting).value();
        std::vector<std::string> out;
        const auto tables = lifecycle::count_rows(owner);
        REQUIRE(tables);
        for (const auto& table : *tables) {
            if (table.table == without) continue;
            const auto hash = owner.run(fmt::format(
                "select count(*) || \' \' || coalesce(sum(hashtextextended(t::text, 0)), 0) from {} t",
                table.table));
            REQUIRE(hash);
            out.push_back(fmt::format("{} {}", table.table, hash->text(0, 0)));
        }
        return out;
    }

    /// The copy takes part in life: rights, defaults, sequences that go on where the source's were.
    void check_alive(const tenant& one) {
        auto data = as_application(one);
        const auto next = data.run("insert into counters (payload) values ('x') returning id, n");
        REQUIRE(next);
        CHECK(next->integer(0, 0) == 501);
        CHECK(next->integer(0, 1) == 507);
        REQUIRE(data.run("delete from counters where id = 501"));
        CHECK(data.run("select * from busy")->size() == 1);
        CHECK_FALSE(data.run("create table x (a int)"));
        CHECK_FALSE(data.run("delete from schema_migrations"));
        auto owner = as_owner(one);
        CHECK(owner.run("create table later (a serial)"));
        CHECK(data.run("insert into later default values"));
        CHECK(owner.run("drop table later"));
        CHECK(owner.run("select 1 from pg_class where relname = 'tasks' and reltuples > 0")->size() == 1);
    }

    fs::path folder;
    std::string other_before;
};

TEST_CASE("clone: all data of one moment, other credentials, no sessions", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 1000);
    const auto before = f.contents(source);
    const auto done = f.clone("source", "twin");
    INFO(done.error);
    REQUIRE(done.state == operation_state::succeeded);
    const auto twin = f.find("twin");
    CHECK(twin.status == tenant_status::active);
    CHECK(twin.name == source.name);
    CHECK(twin.id != source.id);
    CHECK(twin.database != source.database);
    CHECK(twin.password.reveal() != source.password.reveal());
    CHECK(twin.schema_version == f.schema.head());
    CHECK(f.contents(twin, "public.sessions") == f.contents(source, "public.sessions"));
    CHECK(f.as_owner(twin).run("select 1 from sessions")->empty());
    f.check_alive(twin);
    CHECK(f.contents(source) == before);

    // Neither enters the other's.
    CHECK_FALSE(session::open(f.application_login(twin).with_database(source.database), connecting));
    CHECK_FALSE(session::open(f.application_login(source).with_database(twin.database), connecting));
    f.check_order();
}

TEST_CASE("clone: what is refused", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    auto at = f.site();
    const auto refusal = [&](std::string_view from, const lifecycle::new_tenant& wanted) {
        return lifecycle::begin_clone(at, from, wanted).error().code;
    };
    CHECK(refusal("nobody", {.slug = "twin", .name = "T"}) == errc::tenant_unknown);
    CHECK(refusal("source", {.slug = "source", .name = "T"}) == errc::conflict);
    CHECK(refusal("source", {.slug = "Bad Slug", .name = "T"}) == errc::validation_failed);
    CHECK(refusal("source", tenant_house::wanted("twin")) == errc::validation_failed);  // an owner
    REQUIRE(
        f.control.run("update tenants set status = 'deleted', deleted_at = now(), purge_after = now() "
                      "where id = $1",
                      {source.id}));
    CHECK(refusal("source", {.slug = "twin", .name = "T"}) == errc::conflict);
    REQUIRE(
        f.control.run("update tenants set status = 'active', deleted_at = null, purge_after = null "
                      "where id = $1",
                      {source.id}));
    f.check_order();
}

TEST_CASE("clone: a source at an older schema is brought to the newest one", "[integration]") {
    copy_house f;
    const auto newest = f.schema;
    f.schema.migrations.pop_back();
    const auto source = f.make("source");
    REQUIRE(f.as_application(source).run("update users set name = 'Älteste'"));
    const auto older = f.schema.head();
    f.schema = newest;
    REQUIRE(f.clone("source", "twin").state == operation_state::succeeded);
    CHECK(f.find("source").schema_version == older);
    const auto twin = f.find("twin");
    CHECK(twin.schema_version == newest.head());
    auto data = f.as_application(twin);
    CHECK(data.run("select name from users")->text(0, 0) == "Älteste");
    CHECK(data.run("select max(version) from schema_migrations")->integer(0, 0) == newest.head());
    CHECK(data.run("insert into tasks (id, user_id, title) select gen_random_uuid(), id, 't' from users"));
}

TEST_CASE("clone: a newer schema than the program's is undone", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.schema.migrations.pop_back();
    const auto done = f.clone("source", "twin");
    CHECK(done.state == operation_state::failed);
    CHECK(done.error.find("schema") != std::string::npos);
    CHECK_FALSE(f.is_known("twin"));
    CHECK(f.orphans().empty());
}

TEST_CASE("clone: what was acknowledged before it began is in it, while writers go on", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 100);
    std::atomic<std::int64_t> written = 0;
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        auto data = f.as_application(source);
        while (!stop)
            if (data.run("insert into counters (payload) values ('w')")) ++written;
    });
    while (written < 20) std::this_thread::yield();
    const auto acknowledged = written.load();
    const auto done = f.clone("source", "twin");
    const auto at_the_end = written.load();
    stop = true;
    writer.join();
    REQUIRE(done.state == operation_state::succeeded);
    const auto copied =
        f.as_owner(f.find("twin")).run("select count(*) from counters where payload = 'w'")->integer(0, 0);
    CHECK(copied >= acknowledged);
    CHECK(copied <= at_the_end + 1);
    CHECK(at_the_end > acknowledged);  // the source was not kept waiting
}

TEST_CASE("archive: a tenant goes through a file", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 20'000);
    auto at = f.site();
    lifecycle::tenant_change change;
    change.limits = tenancy::tenant_limits{.users = tenancy::quota(77)};
    REQUIRE(lifecycle::change(at, "source", change));
    const auto path = f.file("source.tar");
    const auto written = lifecycle::export_tenant(at, "source", path);
    REQUIRE(written);
    CHECK(written->tenant.slug.str() == "source");
    CHECK(written->schema_version.value() == f.schema.head());
    const auto counts = lifecycle::counts_of(*written);
    CHECK(std::ranges::find(counts, table_count{"public.tasks", 20'000}) != counts.end());
    CHECK(std::ranges::find(counts, table_count{"public.sessions", 0}) != counts.end());
    CHECK(lifecycle::verify_archive(path));
    CHECK(lifecycle::export_tenant(at, "source", path).error().code == errc::conflict);
    CHECK(lifecycle::export_tenant(at, "nobody", f.file("x.tar")).error().code == errc::tenant_unknown);
    CHECK_FALSE(lifecycle::export_tenant(at, "source", f.file("no/such/folder/x.tar")));

    // No secret of its place is in it.
    std::ifstream in(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    for (const auto& secret : {source.sealed_password, std::string(source.password.reveal()),
                               source.sealed_owner_password, std::string("of this tenant only")})
        CHECK(bytes.find(secret) == std::string::npos);

    const auto done = f.import(path, "again");
    REQUIRE(done);
    INFO(done->error);
    REQUIRE(done->state == operation_state::succeeded);
    const auto again = f.find("again");
    CHECK(again.name == source.name);
    CHECK(again.limits.users.value().value() == 77);
    CHECK(f.contents(again, "public.sessions") == f.contents(source, "public.sessions"));
    f.check_alive(again);
    f.check_order();
}

TEST_CASE("archive: one that cannot be used leaves nothing behind", "[integration]") {
    copy_house f;
    f.fill(f.make("source"), 5000);
    auto at = f.site();
    const auto path = f.file("source.tar");
    const auto written = lifecycle::export_tenant(at, "source", path);
    REQUIRE(written);

    const auto refused = f.import(f.file("nothing.tar"), "again");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fields.at(0).code == "missing");
    CHECK(f.import(path, "source").error().code == errc::conflict);

    // The dump is damaged, or gone, after the work began.
    const auto damaged = f.file("damaged.tar");
    fs::copy_file(path, damaged);
    {
        std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(512 + written->dump.bytes.value() / 2));
        file.write("\0\0\0\0", 4);
    }
    const auto found = f.import(damaged, "again");
    REQUIRE(found);
    CHECK(found->state == operation_state::failed);
    CHECK(found->error.find("hash") != std::string::npos);
    const auto begun = lifecycle::begin_import(at, path, {.slug = "again", .name = ""});
    REQUIRE(begun);
    fs::rename(path, f.file("elsewhere.tar"));
    const auto gone = lifecycle::continue_work(at, *begun);
    REQUIRE(gone);
    CHECK(gone->state == operation_state::failed);
    CHECK(gone->error == "there is no such file");
    CHECK_FALSE(f.is_known("again"));

    f.schema.migrations.pop_back();
    auto older = f.site();
    const auto newer = lifecycle::begin_import(older, f.file("elsewhere.tar"), {.slug = "again", .name = ""});
    REQUIRE_FALSE(newer);
    CHECK(newer.error().fields.at(0).code == "newer");
    CHECK(f.orphans().empty());
}

TEST_CASE("archive: the last one of a tenant that goes", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    auto at = f.site();
    CHECK(lifecycle::final_backup(at, source).value().empty());
    f.settings.backup_folder = f.file("backups");
    auto keeping = f.site();
    fs::create_directory(f.settings.backup_folder);
    const auto left = f.file("backups/source-" + source.id.to_compact() + "-20240101T000000Z-x.tar.partial");
    std::ofstream(left) << "of a run that was killed";
    const auto path = lifecycle::final_backup(keeping, source);
    REQUIRE(path);
    CHECK(path->starts_with(f.settings.backup_folder + "/source-" + source.id.to_compact()));
    CHECK(lifecycle::verify_archive(*path));
    CHECK_FALSE(fs::exists(left));

    const auto begun = lifecycle::begin_removal(keeping, "source");
    REQUIRE(begun);
    const auto done = lifecycle::continue_work(keeping, *begun);
    REQUIRE(done);
    REQUIRE(done->state == operation_state::succeeded);
    const auto last = std::string(done->progress.at("backup").as_string());
    CHECK(last != *path);
    REQUIRE(f.import(last, "risen"));
    CHECK(f.as_owner(f.find("risen")).run("select 1 from users where role = 'owner'")->size() == 1);

    // Erasing the tenant erases its archives, and says so.
    const auto purge = lifecycle::begin_purge(keeping, "source");
    REQUIRE(purge);
    const auto purged = lifecycle::continue_work(keeping, *purge);
    REQUIRE(purged);
    REQUIRE(purged->state == operation_state::succeeded);
    CHECK_FALSE(fs::exists(*path));
    CHECK_FALSE(fs::exists(last));
    CHECK(f.count("select (detail->>'archives_removed')::integer from platform_audit "
                  "where action = 'tenant.purged'") == 2);
}

TEST_CASE("move: the tenant goes on at the other server with all it had", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 100'000);
    const auto before = f.contents(source);
    const auto done = f.move("mover");
    INFO(done.error);
    REQUIRE(done.state == operation_state::succeeded);
    const auto moved = f.find("mover");
    CHECK(moved.server.name == "other");
    CHECK(moved.status == tenant_status::active);
    CHECK(moved.id == source.id);
    CHECK(moved.schema_version == source.schema_version);
    CHECK(moved.password.reveal() != source.password.reveal());
    CHECK(f.contents(moved) == before);  // sessions too
    f.check_alive(moved);
    // Nothing is left where it was.
    CHECK(f.count("select count(*) from pg_database where datname = '" + source.database + "'") == 0);
    CHECK(f.count("select count(*) from pg_roles where rolname ~ '" + source.role + "'") == 0);
    CHECK(f.count("select count(*) from operations where input::text ~ 'g1:'") == 0);
    const auto pause =
        f.list("select detail->>'paused_ms' from platform_audit where action = 'tenant.moved'");
    REQUIRE(pause.size() == 1);
    WARN("100 000 tasks moved with a pause of " << pause[0] << " ms");
    f.check_order();

    auto at = f.site();
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    const auto back = lifecycle::begin_move(at, "mover", "control", 300s);
    REQUIRE(back);
    REQUIRE(lifecycle::continue_work(at, *back)->state == operation_state::succeeded);
    CHECK(f.find("mover").server.name == "control");
    CHECK(f.contents(f.find("mover")) == before);
    CHECK(copy_house::other_orphans() == f.other_before);
}

TEST_CASE("move: a suspended tenant stays suspended", "[integration]") {
    copy_house f;
    const auto source = f.make("sleeper");
    auto at = f.site();
    REQUIRE(lifecycle::suspend(at, "sleeper", "unpaid"));
    REQUIRE(f.move("sleeper").state == operation_state::succeeded);
    const auto moved = f.find("sleeper");
    CHECK(moved.status == tenant_status::suspended);
    CHECK_FALSE(session::open(f.application_login(moved), connecting));
    REQUIRE(lifecycle::resume(at, "sleeper"));
    CHECK(session::open(f.application_login(moved), connecting));
}

TEST_CASE("move: what is refused before anything happens", "[integration]") {
    copy_house f;
    const auto one = f.make("mover");
    f.fill(one, 1000);
    auto at = f.site();
    CHECK(lifecycle::begin_move(at, "nobody", "other").error().code == errc::tenant_unknown);
    CHECK(lifecycle::begin_move(at, "mover", "nowhere").error().fields.at(0).pointer == "/server");
    CHECK(lifecycle::begin_move(at, "mover", "control").error().code == errc::conflict);
    const auto short_pause = lifecycle::begin_move(at, "mover", "other", 500ms);
    REQUIRE_FALSE(short_pause);
    CHECK(short_pause.error().fields.at(0).pointer == "/max_pause");
    CHECK(short_pause.error().fields.at(0).detail.find("--max-pause") != std::string::npos);
    // Another name of the server it is on.
    REQUIRE(
        f.control.run("insert into servers (name, host, port, accepts_tenants) "
                      "values ('same', 'localhost', $1::int, false)",
                      {f.admin.port}));
    CHECK(lifecycle::begin_move(at, "mover", "same").error().code == errc::conflict);
    // A database of its name is there: a copy of this server, say.
    other_server().execute("bulkhead", "create database " + one.database);
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    other_server().execute("bulkhead", "drop database " + one.database);

    const auto begun = lifecycle::begin_move(at, "mover", "other");
    REQUIRE(begun);
    CHECK(lifecycle::begin_move(at, "mover", "other").error().code == errc::conflict);
    CHECK(lifecycle::suspend(at, "mover", "").error().code == errc::conflict);
    REQUIRE(lifecycle::continue_work(at, *begun)->state == operation_state::succeeded);
}

TEST_CASE("move: a copy that takes too long is taken back", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 20'000);
    const auto before = f.contents(source);
    auto at = f.site();
    auto begun = lifecycle::begin_move(at, "mover", "other", 300s);
    REQUIRE(begun);
    REQUIRE(f.control.run(
        "update operations set input = jsonb_set(input, '{max_pause_ms}', '40') where id = $1", {begun->id}));
    begun = lifecycle::find_operation(at, begun->id).value().value();
    const auto done = lifecycle::continue_work(at, *begun);
    REQUIRE(done);
    CHECK(done->state == operation_state::failed);
    CHECK(done->error.find("--max-pause") != std::string::npos);
    const auto back = f.find("mover");
    CHECK(back.status == tenant_status::active);
    CHECK(back.server.name == "control");
    CHECK(f.contents(back) == before);
    f.check_alive(back);
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
    CHECK(f.move("mover").state == operation_state::succeeded);  // with time enough
}

TEST_CASE("move: told to stop during the pause, it turns back first", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 1000);
    auto at = f.site();
    const auto begun = lifecycle::begin_move(at, "mover", "other", 300s);
    REQUIRE(begun);
    bool asked = false;
    at.on_step = [&](std::string_view step) { asked = asked || step == "copy"; };
    at.stop = [&] { return asked; };
    CHECK_FALSE(lifecycle::continue_work(at, *begun));
    CHECK(f.find("mover").status == tenant_status::active);
    CHECK(f.find("mover").server.name == "control");
    at.stop = {};
    CHECK(lifecycle::continue_work(at, *begun)->state == operation_state::failed);
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
}

TEST_CASE("move: no acknowledged write is lost, however deaf the writers are", "[integration]") {
    copy_house f;
    const auto source = f.make("mover");
    f.fill(source, 1000);
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> acknowledged = 0, after_the_move = 0;
    // They hear of nothing: only the server can stop them. Each goes to where the row says when it is thrown
    // out.
    const auto write = [&] {
        while (!stop) {
            f.elsewhere([&](lifecycle::site& at) {
                auto one = tenancy::find_tenant(at.control(), "mover").value().value();
                REQUIRE(tenancy::open_password(one, f.box));
                auto data = session::open(f.application_login(one), connecting);
                while (data && !stop && data->run("insert into counters (payload) values ('w')")) {
                    ++acknowledged;
                    if (one.server.name == "other") ++after_the_move;
                }
                return 0;
            });
        }
    };
    std::vector<std::thread> writers;
    for (int i = 0; i < 3; ++i) writers.emplace_back(write);
    while (acknowledged < 50) std::this_thread::yield();
    const auto done = f.move("mover");
    while (done.state == operation_state::succeeded && after_the_move < 50) std::this_thread::yield();
    stop = true;
    for (auto& one : writers) one.join();
    REQUIRE(done.state == operation_state::succeeded);
    const auto there =
        f.as_owner(f.find("mover")).run("select count(*) from counters where payload = 'w'")->integer(0, 0);
    CHECK(there >= acknowledged);
    CHECK(there <= acknowledged + 6);  // what was committed and could not be acknowledged, twice a writer
}

TEST_CASE("move: killed at any step, the tenant is at one place and in use", "[integration]") {
    copy_house f;
    int number = 0;
    for (const std::string place :
         {"prepare.after", "pause.before", "pause.after", "pause.saved", "copy.after", "flip.before",
          "flip.after", "retire.before", "retire.after"}) {
        INFO(place);
        const auto slug = fmt::format("killed-{}", ++number);
        f.fill(f.make(slug), 500);
        const auto before = f.contents(f.find(slug));
        auto at = f.site();
        const auto begun = lifecycle::begin_move(at, slug, "other", 300s);
        REQUIRE(begun);
        REQUIRE(f.dies_at("move." + place,
                          [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
        const auto done = f.continue_after_kill(at, *begun);
        CHECK(done.state == operation_state::succeeded);
        const auto after = f.find(slug);
        CHECK(after.server.name == "other");
        CHECK(f.contents(after) == before);
        f.check_alive(after);
    }
    f.check_order();
}

TEST_CASE("move: killed while it turns back, the tenant goes on where it was", "[integration]") {
    copy_house f;
    int number = 0;
    for (const std::string place :
         {"go on.before", "go on.after", "go on.saved", "clean up.before", "clean up.after"}) {
        INFO(place);
        const auto slug = fmt::format("back-{}", ++number);
        f.fill(f.make(slug), 500);
        const auto before = f.contents(f.find(slug));
        auto at = f.site();
        auto begun = lifecycle::begin_move(at, slug, "other", 300s);
        REQUIRE(begun);
        REQUIRE(f.control.run(
            "update operations set input = jsonb_set(input, '{max_pause_ms}', '1') where id = $1",
            {begun->id}));
        begun = lifecycle::find_operation(at, begun->id).value().value();
        REQUIRE(f.dies_at("move.undo." + place,
                          [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
        const auto done = f.continue_after_kill(at, *begun);
        CHECK(done.state == operation_state::failed);
        CHECK(f.find(slug).server.name == "control");
        CHECK(f.contents(f.find(slug)) == before);
        f.check_alive(f.find(slug));
    }
    CHECK(copy_house::other_orphans() == f.other_before);
    f.check_order();
}

TEST_CASE("copies: killed at any step, they are completed", "[integration]") {
    copy_house f;
    const auto source = f.make("source");
    f.fill(source, 500);
    auto at = f.site();
    REQUIRE(lifecycle::export_tenant(at, "source", f.file("a.tar")));
    int number = 0;
    for (const std::string step : {"roles", "restore", "migrate", "grant", "activate"}) {
        for (const bool from_file : {false, true}) {
            INFO(step << (from_file ? " of an import" : " of a clone"));
            const auto slug = fmt::format("copy-{}", ++number);
            const auto begun = from_file
                                   ? lifecycle::begin_import(at, f.file("a.tar"), {.slug = slug, .name = ""})
                                   : lifecycle::begin_clone(at, "source", {.slug = slug, .name = ""});
            REQUIRE(begun);
            const auto place = fmt::format("{}.{}.after", from_file ? "import" : "clone", step);
            REQUIRE(f.dies_at(
                place, [&](lifecycle::site& there) { return lifecycle::continue_work(there, *begun); }));
            REQUIRE(f.continue_after_kill(at, *begun).state == operation_state::succeeded);
            CHECK(f.contents(f.find(slug), "public.sessions") == f.contents(source, "public.sessions"));
        }
    }
    f.check_order();
}

}  // namespace
}  // namespace bulkhead::testing
