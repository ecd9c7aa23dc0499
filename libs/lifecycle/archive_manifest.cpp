// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/archive_manifest.hpp"

#include <fmt/format.h>

namespace bulkhead::lifecycle {

std::unexpected<error> refuse_archive(std::string code, std::string detail) {
    auto refused = fail_field("/archive", std::move(code), detail);
    refused.error().detail = std::move(detail);  // a record of work keeps only this
    return refused;
}

result<archive_manifest> parse_manifest(std::string_view text) {
    const auto document = parse_json(text);
    if (!document || !document->is_object()) return refuse_archive("damaged", "its manifest cannot be read");
    const auto& members = document->as_object();
    const auto* const format = members.if_contains("format");
    if (!format || !format->is_string() || format->as_string() != archive_format)
        return refuse_archive("damaged", "it is not an archive of a tenant");
    const auto* const version = members.if_contains("format_version");
    if (version && version->is_int64() && version->as_int64() > archive_format_version)
        return refuse_archive(
            "newer", fmt::format("it has format version {}, this program knows {}: use a newer program",
                                 version->as_int64(), archive_format_version));
    auto read = schema::from_json<archive_manifest>(*document);
    if (!read) return refuse_archive("damaged", "its manifest is not complete");
    return read;
}

std::vector<table_count> counts_of(const archive_manifest& in) {
    std::vector<table_count> out;
    for (const auto& one : in.tables) out.push_back({one.name.str(), one.rows.value()});
    return out;
}

schema::bounded<archived_table, 10'000> tables_of(const std::vector<table_count>& counts) {
    std::vector<archived_table> out;
    for (const auto& one : counts) out.push_back({schema::text<1, 300>(one.table), archive_number(one.rows)});
    return schema::bounded<archived_table, 10'000>(std::move(out));
}

}  // namespace bulkhead::lifecycle
