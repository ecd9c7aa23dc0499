// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/migration.hpp"

#include <deque>
#include <utility>

#include "base/testing/catch.hpp"
#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/history.hpp"

namespace bulkhead::migrations {
namespace {

/// Files with matching checksums; the texts live as long as this object.
class folder {
public:
    folder(std::initializer_list<std::pair<const char*, const char*>> contents) {
        for (const auto& [name, text] : contents) put(name, text);
        rehash();
    }
    void put(std::string name, std::string text) {
        const auto& kept = texts_.emplace_back(std::move(name), std::move(text));
        std::erase_if(files_, [&](const embedded_file& file) { return file.name == kept.first; });
        files_.push_back({kept.first, kept.second});
    }
    void rehash() { put("checksums", make_checksums(files_)); }
    [[nodiscard]] outcome<migration_set> load() const { return load_migrations("test", files_); }
    [[nodiscard]] std::string problem() const {
        const auto loaded = load();
        if (loaded) return "";
        CHECK(loaded.error().kind == failure_kind::mismatch);
        return loaded.error().message;
    }

private:
    std::deque<std::pair<std::string, std::string>> texts_;
    std::vector<embedded_file> files_;
};

folder good() {
    return {{"0001_a.up.sql", "create table a (x int);\n"},
            {"0001_a.down.sql", "drop table a;\n"},
            {"0002_b.up.sql",
             "-- bulkhead: no-transaction\ncreate index concurrently if not exists i on a (x);\n"},
            {"0002_b.down.sql", "drop index i;\n"}};
}

TEST_CASE("migrations: loads pairs in order with their directives", "[persistence]") {
    const auto set = good().load();
    REQUIRE(set);
    REQUIRE(set->head() == 2);
    CHECK(set->migrations[0].name == "a");
    CHECK(set->migrations[0].up_in_transaction);
    CHECK(set->migrations[0].checksum.size() == 64);
    CHECK(set->migrations[1].number == 2);
    CHECK_FALSE(set->migrations[1].up_in_transaction);
    CHECK(set->migrations[1].down_in_transaction);
    CHECK(set->migrations[1].down_sql == "drop index i;\n");
}

TEST_CASE("migrations: line ends and a byte order mark do not count", "[persistence]") {
    auto windows = good();
    windows.put("0001_a.up.sql",
                "\xef\xbb\xbf"
                "create table a (x int);\r\n");
    const auto set = windows.load();
    REQUIRE(set);
    CHECK(set->migrations[0].checksum == good().load()->migrations[0].checksum);
    CHECK(set->migrations[0].up_sql == "create table a (x int);\n");
}

TEST_CASE("migrations: any change without new checksums is found, and named", "[persistence]") {
    auto edited = good();
    edited.put("0001_a.up.sql", "create table a (x bigint);\n");
    CHECK(edited.problem().find("0001_a.up.sql") != std::string::npos);

    auto added = good();
    added.put("0003_c.up.sql", "select 1");
    CHECK(added.problem().find("0003_c.up.sql") != std::string::npos);

    auto chained = good();
    chained.put("checksums", "0000  0001_a.down.sql\n");
    CHECK_FALSE(chained.problem().empty());
    CHECK(load_migrations("test", {}).error().message.find("checksums") != std::string::npos);
}

TEST_CASE("migrations: refuses names, gaps, halves and unknown directives", "[persistence]") {
    struct expectation {
        const char* name;
        const char* sql;
        const char* problem;
    };
    const expectation table[] = {
        {"0003_c.sql", "select 1", "is not named"},
        {"3_c.up.sql", "select 1", "is not named"},
        {"0003_C.up.sql", "select 1", "is not named"},
        {"0003_.up.sql", "select 1", "is not named"},
        {"0004_c.up.sql", "select 1", "without gaps"},
        {"0002_c.up.sql", "select 1", "unique"},
        {"0003_c.up.sql", "select 1", "the down file is missing"},
        {"0003_c.down.sql", "select 1", "the up file is missing"},
        {"0003_c.up.sql", "-- nothing", "no statement"},
        {"0003_c.up.sql", "-- bulkhead: no-transactions\nselect 1", "unknown directive"},
        {"0003_c.up.sql", "-- bulkhead:\nselect 1", "unknown directive"},
        {"0003_c.up.sql", "--bulkhead: no-transaction\nselect 1", "is written"},
        {"0003_c.up.sql", "-- Bulkhead: no-transaction\nselect 1; select 2", "exactly one statement"},
        {"0003_c.up.sql", "select 1;\ncommit;", "line 2: COMMIT"},
    };
    for (const auto& row : table) {
        INFO(row.name << ": " << row.sql);
        auto bad = good();
        bad.put(row.name, row.sql);
        bad.rehash();
        CHECK(bad.problem().find(row.problem) != std::string::npos);
    }
}

TEST_CASE("migrations: what this build carries is sound", "[persistence]") {
    for (const auto& loaded : {control_migrations(), tenant_migrations()}) {
        if (!loaded) FAIL(loaded.error().message);
        CHECK(loaded->head() >= 1);
    }
}

TEST_CASE("migrations: a history must be the beginning of the set", "[persistence]") {
    const auto set = good().load().value();
    const history_entry first{.version = 1, .name = "a", .checksum = set.migrations[0].checksum};
    const history_entry second{.version = 2, .name = "b", .checksum = set.migrations[1].checksum};
    CHECK(match_history(set, {}).value() == 0);
    CHECK(match_history(set, {first}).value() == 1);
    CHECK(match_history(set, {first, second}).value() == 2);

    auto changed = first, renamed = first, newer = second;
    changed.checksum = std::string(64, '0');
    renamed.name = "z";
    newer.version = 3;
    for (const auto& history :
         {std::vector{changed}, {renamed}, {second}, {first, second, newer}, {first, newer}}) {
        const auto matched = match_history(set, history);
        REQUIRE_FALSE(matched);
        CHECK(matched.error().kind == failure_kind::mismatch);
    }
}

}  // namespace
}  // namespace bulkhead::migrations
