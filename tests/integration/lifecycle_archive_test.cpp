// SPDX-License-Identifier: Apache-2.0
// Export and import of a tenant, and the archive that is left of one that goes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "lifecycle/archive.hpp"
#include "lifecycle/archive_file.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/states.hpp"
#include "lifecycle_copy_fixture.hpp"

namespace bulkhead::testing {
namespace {

namespace fs = std::filesystem;
using lifecycle::table_count;

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
    CHECK(std::ranges::find(counts, table_count{"public.jobs", 0}) != counts.end());
    CHECK(lifecycle::archive_reader::open(path)->verify());
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
    CHECK(f.contents(again, lifecycle::dump_contents::transferable) ==
          f.contents(source, lifecycle::dump_contents::transferable));
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
    CHECK(lifecycle::archive_reader::open(*path)->verify());
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
                  "where action = 'tenant.purged' and detail->'destroyed' ? 'final archives'") == 2);
}

TEST_CASE("archive: what is out of reach of a purge is not certified as destroyed", "[integration]") {
    copy_house f;
    (void)f.make("source");
    f.settings.backup_folder = f.file("backups");
    auto at = f.site();
    const auto removed = lifecycle::continue_work(at, lifecycle::begin_removal(at, "source").value());
    REQUIRE(removed);
    const auto path = std::string(removed->progress.at("backup").as_string());
    fs::rename(path, f.file("elsewhere.tar"));
    REQUIRE(lifecycle::continue_work(at, lifecycle::begin_purge(at, "source").value()));
    CHECK(f.list("select detail->'archives_out_of_reach'->>0 from platform_audit "
                 "where action = 'tenant.purged' and not detail->'destroyed' ? 'final archives'") ==
          std::vector<std::string>{path});
}

}  // namespace
}  // namespace bulkhead::testing
