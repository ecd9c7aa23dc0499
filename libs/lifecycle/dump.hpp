// SPDX-License-Identifier: Apache-2.0
// Copies of databases by pg_dump and pg_restore: from one snapshot, and counted on both sides. Blocking, as
// long as the data needs; one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/dump_programs.hpp"
#include "lifecycle/site.hpp"
#include "runtime/child_process.hpp"

namespace bulkhead::lifecycle {

/// How to log in to a database that is read, and whom to act as there.
struct dump_source {
    postgres::conninfo login;
    std::string role{};  // who owns the tables, if the login does not
};

enum class dump_contents {
    everything,   // for the same tenant at another place
    transferable  // without the rows of tables that hold sessions, jobs and the like
};

/// The tables whose rows belong to the tenant they were made in, and leave it only with it.
std::span<const std::string_view> private_tables() noexcept;

struct table_count {
    std::string table;  // quoted, with its schema
    std::int64_t rows = 0;

    friend bool operator==(const table_count&, const table_count&) = default;
};

/// What the database of a session holds, in the order of the names.
result<std::vector<table_count>> count_rows(postgres::session& database);

/// errc::internal, and a line in the log that names the first difference, unless they are equal.
result<void> compare_counts(const std::vector<table_count>& wanted, const std::vector<table_count>& found);

/// A moment of a database, held by an open transaction: what is counted and what is dumped is the same.
class snapshot {
public:
    static result<snapshot> take(const dump_source& of);

    /// Private tables count as empty unless they are part of `contents`.
    result<std::vector<table_count>> count(dump_contents contents, const runtime::patience& how_long);

    /// The last migration of the database.
    result<std::int64_t> schema_version();

    /// The server's version, 150004 for 15.4.
    [[nodiscard]] int server_version() const noexcept { return server_version_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    snapshot(postgres::session held, std::string name, int server_version)
        : held_(std::move(held)), name_(std::move(name)), server_version_(server_version) {}

    postgres::session held_;
    std::string name_;
    int server_version_;
};

/// pg_dump of a snapshot, as a custom-format archive on `output`; compressed for what is kept.
result<runtime::child_process> start_dump(const dump_programs& programs, const dump_source& of,
                                          const snapshot& when, dump_contents contents, bool compressed,
                                          int output);

/// pg_restore of such an archive from `input` into an empty database, as the login that owns it.
/// errc::conflict when the server, of version `target_version`, is older than the programs.
result<runtime::child_process> start_restore(const dump_programs& programs, const postgres::conninfo& into,
                                             int target_version, int input);

/// The server's version, as snapshot::server_version.
result<int> server_version(postgres::session& of);

/// What a failure of programs means: errc::unavailable when one lost its connection, else `why`. Their last
/// messages go to the log, which clients do not see.
error explain_failure(error why, std::span<runtime::child_process* const> programs);

/// The data of one database, from one snapshot, in another one, which is empty. Returns the rows that are
/// there now, which are those that were in the snapshot.
result<std::vector<table_count>> copy_database(const dump_source& from, const postgres::conninfo& into,
                                               dump_contents contents, const runtime::patience& how_long);

}  // namespace bulkhead::lifecycle
