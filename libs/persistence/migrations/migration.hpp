// SPDX-License-Identifier: Apache-2.0
// The migrations a program was built with: pairs NNNN_name.up.sql / NNNN_name.down.sql, numbered from 1
// without gaps, and a `checksums` file that chains their hashes, so that two branches which both add a
// migration conflict in version control. Pure values; safe from any thread once loaded.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_file.hpp"

namespace bulkhead::migrations {

/// What went wrong, for operators: the message may hold file names and the server's words. Never shown to
/// clients.
enum class failure_kind {
    failed,     // a migration or the connection failed
    locked,     // another run holds the database's migration lock
    mismatch,   // files, their checksums and the database's history do not belong together
    cancelled,  // asked to stop between two migrations
};

struct failure {
    failure_kind kind = failure_kind::failed;
    std::string message;
};

template <class T = void>
using outcome = std::expected<T, failure>;

struct migration {
    std::int64_t number = 0;
    std::string name;
    std::string up_sql;
    std::string down_sql;
    bool up_in_transaction = true;  // false: the file says `-- bulkhead: no-transaction`
    bool down_in_transaction = true;
    std::string checksum;  // SHA-256 of up_sql, hex; what schema_migrations keeps
};

/// Ascending from number 1.
struct migration_set {
    std::string name;  // "control" or "tenant", for messages
    std::vector<migration> migrations;

    [[nodiscard]] std::int64_t head() const noexcept { return static_cast<std::int64_t>(migrations.size()); }
};

/// Checks names, numbers, directives, statements and the chain in `checksums`, one of `files`. Line ends and
/// a byte order mark do not count: a checkout on Windows has the same hashes. failure_kind::mismatch names
/// the first file that is wrong.
outcome<migration_set> load_migrations(std::string name, std::span<const embedded_file> files);

/// The text of the `checksums` file for `files` (in any order; an old `checksums` among them is ignored).
std::string make_checksums(std::span<const embedded_file> files);

}  // namespace bulkhead::migrations
