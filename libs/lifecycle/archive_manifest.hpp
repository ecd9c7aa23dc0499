// SPDX-License-Identifier: Apache-2.0
// What an archive of a tenant says about itself: the file manifest.json in it. Plain values.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "lifecycle/dump.hpp"
#include "schema/schema.hpp"
#include "tenancy/limits.hpp"

namespace bulkhead::lifecycle {

inline constexpr std::string_view archive_format = "bulkhead-tenant";
inline constexpr std::int64_t archive_format_version = 1;

using archive_number = schema::integer<0, 9'007'199'254'740'991>;  // what JSON numbers hold exactly

struct archived_tenant {
    schema::text<1, 39> slug;
    schema::text<1, 200> name;
    tenancy::tenant_limits limits;
};
BOOST_DESCRIBE_STRUCT(archived_tenant, (), (slug, name, limits))

struct archived_dump {
    archive_number bytes;
    schema::text<64, 64> sha256;      // hex
    schema::integer<1, 999> pg_dump;  // the major version of what made it
};
BOOST_DESCRIBE_STRUCT(archived_dump, (), (bytes, sha256, pg_dump))

struct archived_table {
    schema::text<1, 300> name;  // quoted, with its schema
    archive_number rows;
};
BOOST_DESCRIBE_STRUCT(archived_table, (), (name, rows))

/// Ids and credentials are not in it: they belong to a place.
struct archive_manifest {
    schema::text<1, 40> format;
    archive_number format_version;
    archived_tenant tenant;
    archive_number schema_version;
    schema::text<1, 100> program_version;
    archive_number server_version;  // 150004 for 15.4
    utc_time created_at;
    archived_dump dump;
    schema::bounded<archived_table, 10'000> tables;
};
BOOST_DESCRIBE_STRUCT(archive_manifest, (),
                      (format, format_version, tenant, schema_version, program_version, server_version,
                       created_at, dump, tables))

/// 422 on /archive, with the same words as the error's detail. Codes: "missing", "damaged", "newer".
[[nodiscard]] std::unexpected<error> refuse_archive(std::string code, std::string detail);

/// What wrote it may be newer than this program: that is said before anything else is looked at.
result<archive_manifest> parse_manifest(std::string_view text);

std::vector<table_count> counts_of(const archive_manifest& in);
schema::bounded<archived_table, 10'000> tables_of(const std::vector<table_count>& counts);

}  // namespace bulkhead::lifecycle
