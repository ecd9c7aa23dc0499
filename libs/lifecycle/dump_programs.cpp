// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/dump_programs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/text.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Debian keeps one folder for each version.
std::vector<std::string> folders_of_versions() {
    std::vector<std::string> out;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored))
        out.push_back((entry.path() / "bin").string());
    return out;
}

std::vector<std::string> folders_of_path() {
    std::vector<std::string> out;
    const char* path = std::getenv("PATH");
    for (const auto folder : split(path ? path : "/usr/local/bin:/usr/bin", ':'))
        if (folder.starts_with('/')) out.emplace_back(folder);
    return out;
}

std::vector<std::string> our_environment() {
    std::vector<std::string> out{"LC_ALL=C"};  // we read their messages
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        // What libpq reads, as it does in this process; a password is given for each login.
        const bool wanted = text.starts_with("PG") || text.starts_with("HOME=") || text.starts_with("PATH=");
        if (wanted && !text.starts_with("PGPASSWORD=")) out.emplace_back(text);
    }
    return out;
}

/// "pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)"
std::optional<int> version_of(const std::string& folder) {
    if (::access((folder + "/pg_restore").c_str(), X_OK) != 0) return std::nullopt;
    auto out = runtime::make_stream();
    if (!out) return std::nullopt;
    auto program = runtime::child_process::start(
        {.program = folder + "/pg_dump", .arguments = {"--version"}, .environment = our_environment()}, -1,
        out->to_write.get());
    if (!program) return std::nullopt;
    out->to_write.close();
    const std::function<bool()> never;
    std::array<runtime::child_process*, 1> all{&*program};
    if (!runtime::wait_for(all, {std::chrono::steady_clock::now() + 10s, never})) return std::nullopt;
    std::array<char, 200> text{};  // less than a pipe holds
    const auto size = ::read(out->to_read.get(), text.data(), text.size());
    const std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    constexpr std::string_view mark = "(PostgreSQL) ";
    const auto at = line.find(mark);
    int version = 0;
    if (at == line.npos) return std::nullopt;
    std::from_chars(line.data() + at + mark.size(), line.data() + line.size(), version);
    return version > 0 ? std::optional(version) : std::nullopt;
}

/// For a keyword/value string of libpq.
std::string quoted_value(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + '\'';
}

std::optional<dump_programs> oldest_in(const std::vector<std::string>& folders, int at_least) {
    std::optional<dump_programs> best;
    for (const auto& folder : folders) {
        const auto version = version_of(folder);
        if (!version || *version < at_least || (best && best->version <= *version)) continue;
        best = {folder, *version};
    }
    return best;
}

}  // namespace

result<dump_programs> find_dump_programs(int at_least) {
    auto found = oldest_in(folders_of_versions(), at_least);
    if (!found) found = oldest_in(folders_of_path(), at_least);
    if (found) return *std::move(found);
    log::error("pg_dump and pg_restore are missing or too old", {{"needed", at_least}});
    return fail(errc::unavailable, fmt::format("pg_dump and pg_restore {} or newer are needed", at_least));
}

runtime::command with_login(const dump_programs& programs, std::string_view name,
                            std::vector<std::string> arguments, const postgres::conninfo& login) {
    runtime::command out{.program = fmt::format("{}/{}", programs.folder, name),
                         .arguments = std::move(arguments),
                         .environment = our_environment()};
    const postgres::connection_parameters parameters(login, {.application_name = "bulkhead-copy"});
    std::string text;
    for (std::size_t i = 0; parameters.keywords()[i] != nullptr; ++i) {
        const std::string_view keyword = parameters.keywords()[i], value = parameters.values()[i];
        // The passphrase of a client key has no variable of the environment.
        if (keyword != "password" && keyword != "sslpassword")
            text += fmt::format("{}{}={}", text.empty() ? "" : " ", keyword, quoted_value(value));
    }
    out.arguments.push_back("--no-password");
    out.arguments.push_back("--dbname=" + text);
    if (!login.password.empty())
        out.environment.push_back(fmt::format("PGPASSWORD={}", login.password.reveal()));
    return out;
}

}  // namespace bulkhead::lifecycle
