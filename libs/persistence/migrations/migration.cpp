// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/migration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/text.hpp"
#include "persistence/migrations/sql_statements.hpp"

namespace bulkhead::migrations {
namespace {

constexpr std::string_view checksums_file = "checksums";
constexpr std::string_view directive_mark = "-- bulkhead:";

std::unexpected<failure> mismatch(std::string message) {
    return std::unexpected(failure{failure_kind::mismatch, std::move(message)});
}

std::string normalised(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
    return out;
}

std::string hash(std::string_view text) { return to_hex(sha256(text).view()); }

struct file_name {
    std::int64_t number;
    std::string_view name;
    bool up;
};

std::optional<file_name> parse_name(std::string_view text) {
    const bool up = text.ends_with(".up.sql");
    if (!up && !text.ends_with(".down.sql")) return std::nullopt;
    text.remove_suffix(up ? 7 : 9);
    if (text.size() < 6 || text[4] != '_') return std::nullopt;
    const auto digits = text.substr(0, 4), name = text.substr(5);
    if (digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != name.npos) return std::nullopt;
    return file_name{std::stoll(std::string(digits)), name, up};
}

std::vector<embedded_file> in_order(std::span<const embedded_file> files) {
    std::vector<embedded_file> sorted;
    std::ranges::copy_if(files, std::back_inserter(sorted),
                         [](auto& file) { return file.name != checksums_file; });
    std::ranges::sort(sorted, {}, &embedded_file::name);
    return sorted;
}

/// Says which file is the first that the checksums do not cover, or covers another text of.
std::string first_difference(std::string_view expected, std::string_view found) {
    const auto want = split(trim(expected), '\n'), have = split(trim(found), '\n');
    for (std::size_t i = 0; i < std::max(want.size(), have.size()); ++i) {
        const auto left = i < want.size() ? trim(want[i]) : "", right = i < have.size() ? trim(have[i]) : "";
        if (left == right) continue;
        const auto& line = left.empty() ? right : left;
        return std::string(line.substr(line.find_last_of(' ') + 1));
    }
    return "(the order of lines)";
}

/// Reads the directives, which stand in comments before the first statement. Returns whether to use a
/// transaction.
outcome<bool> read_directives(std::string_view file, std::string_view sql) {
    bool transaction = true;
    for (const auto raw : split(sql, '\n')) {
        const auto line = trim(raw);
        if (!to_lower(line).starts_with(directive_mark)) {
            if (to_lower(line).starts_with("--bulkhead"))
                return mismatch(fmt::format("{}: a directive is written \"{} …\"", file, directive_mark));
            continue;
        }
        const auto directive = trim(line.substr(directive_mark.size()));
        if (directive != "no-transaction")
            return mismatch(
                fmt::format("{}: unknown directive \"{}\"; known: no-transaction", file, directive));
        transaction = false;
    }
    return transaction;
}

outcome<void> check_statements(std::string_view file, std::string_view sql, bool transaction) {
    const auto script = split_sql(sql);
    if (!script.problem.empty()) return mismatch(fmt::format("{}, {}", file, script.problem));
    if (script.statements.empty()) return mismatch(fmt::format("{} holds no statement", file));
    // A second statement would run inside an implicit transaction after all, which CREATE INDEX CONCURRENTLY
    // refuses, and a failure between the two could not be told from one before both.
    if (!transaction && script.statements.size() != 1)
        return mismatch(fmt::format("{}: no-transaction needs exactly one statement, not {}", file,
                                    script.statements.size()));
    return {};
}

outcome<void> add_file(migration_set& set, const embedded_file& file) {
    const auto parsed = parse_name(file.name);
    if (!parsed)
        return mismatch(fmt::format("{} is not named NNNN_name.up.sql or NNNN_name.down.sql", file.name));
    const auto head = set.head();
    const bool next = parsed->number == head + 1;
    if (!next && (parsed->number != head || set.migrations.back().name != parsed->name))
        return mismatch(
            fmt::format("{}: numbers must be unique and without gaps; {} was expected", file.name, head + 1));
    if (next) set.migrations.push_back({.number = parsed->number, .name = std::string(parsed->name)});

    auto& target = set.migrations.back();
    auto sql = normalised(file.bytes);
    const auto transaction = read_directives(file.name, sql);
    if (!transaction) return std::unexpected(transaction.error());
    if (auto checked = check_statements(file.name, sql, *transaction); !checked) return checked;
    if (parsed->up) target.checksum = hash(sql);
    (parsed->up ? target.up_in_transaction : target.down_in_transaction) = *transaction;
    (parsed->up ? target.up_sql : target.down_sql) = std::move(sql);
    return {};
}

}  // namespace

std::string make_checksums(std::span<const embedded_file> files) {
    std::string out, previous;
    for (const auto& file : in_order(files)) {
        previous = hash(fmt::format("{}\n{}\n{}", previous, file.name, normalised(file.bytes)));
        out += fmt::format("{}  {}\n", previous, file.name);
    }
    return out;
}

outcome<migration_set> load_migrations(std::string name, std::span<const embedded_file> files) {
    migration_set set{.name = std::move(name)};
    const auto recorded = std::ranges::find(files, checksums_file, &embedded_file::name);
    if (recorded == files.end()) return mismatch(fmt::format("{}: the checksums file is missing", set.name));
    const auto expected = make_checksums(files);
    if (normalised(recorded->bytes) != expected)
        return mismatch(fmt::format("{}/{} is not what the checksums file was made for", set.name,
                                    first_difference(recorded->bytes, expected)));
    for (const auto& file : in_order(files))
        if (auto added = add_file(set, file); !added)
            return mismatch(fmt::format("{}/{}", set.name, added.error().message));
    for (const auto& one : set.migrations)
        if (one.up_sql.empty() || one.down_sql.empty())
            return mismatch(fmt::format("{}/{:04}_{}: the {} file is missing", set.name, one.number, one.name,
                                        one.up_sql.empty() ? "up" : "down"));
    return set;
}

}  // namespace bulkhead::migrations
