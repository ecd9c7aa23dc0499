// SPDX-License-Identifier: Apache-2.0
#include "config/source.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

namespace bulkhead::config {
namespace {

using lines = std::vector<std::string>;

const std::string& lookup(const environment_variables& variables, const std::string& name) {
    static const std::string none;
    const auto at = variables.find(name);
    return at == variables.end() ? none : at->second;
}

/// What `infra/dev env` exports for people and tests.
constexpr std::array<std::string_view, 4> tool_names{"BULKHEAD_BIN", "BULKHEAD_OPS_URL", "BULKHEAD_URL",
                                                     "BULKHEAD_WORKER_OPS_URL"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }

/// The file without one line end after it.
std::optional<std::string> read_file(const std::string& variable, const std::string& path, lines& problems) {
    constexpr std::size_t most = 64 * 1024;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(most + 1, '\0');
    if (!file || (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof())) {
        problems.push_back(
            fmt::format("{}: cannot read {}: {}", variable, path, std::generic_category().message(errno)));
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > most) {
        problems.push_back(fmt::format("{}: {} is larger than 64 KiB", variable, path));
        return std::nullopt;
    }
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (!text.empty()) return text;
    problems.push_back(fmt::format("{}: {} is empty", variable, path));
    return std::nullopt;
}

/// "$PORT", "${PORT}": what a platform leaves when nothing expanded it.
bool is_unexpanded(std::string_view text, std::string_view name) {
    return text == fmt::format("${}", name) || text == fmt::format("${{{}}}", name);
}

/// The value under one spelling, from the variable or from its file.
std::optional<found_text> find_spelling(const std::string& name, const environment_variables& variables,
                                        lines& problems) {
    const auto file_variable = name + "_FILE";
    const auto& direct = lookup(variables, name);
    const auto& path = lookup(variables, file_variable);
    if (!direct.empty() && !path.empty())
        problems.push_back(fmt::format("{}: both it and {} are set; keep one", name, file_variable));
    if (!direct.empty()) return found_text{name, direct};
    if (path.empty()) return std::nullopt;
    auto text = read_file(file_variable, path, problems);
    if (!text) return std::nullopt;
    return found_text{file_variable, *std::move(text)};
}

bool is_acceptable(const found_text& found, lines& problems) {
    if (std::ranges::none_of(found.text, is_control)) return true;
    problems.push_back(fmt::format("{}: holds a line end or another control character", found.origin));
    return false;
}

/// Whether the row's leniency applies: blank and unexpanded values are warned about and skipped.
bool is_blank(const row& setting, const environment_variables& variables, lines& warnings) {
    const auto at = variables.find(std::string(setting.name));
    if (!setting.blank_is_default || at == variables.end()) return false;
    if (!at->second.empty() && !is_unexpanded(at->second, setting.name)) return false;
    warnings.push_back(fmt::format("{}: \"{}\" is no value; the default {} is used", setting.name, at->second,
                                   setting.fallback));
    return true;
}

/// How many insertions, deletions and replacements lie between two names (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> costs(b.size() + 1);
    std::iota(costs.begin(), costs.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = std::exchange(costs[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = costs[j + 1];
            costs[j + 1] = std::min({replaced, diagonal + 1, costs[j] + 1});
        }
    }
    return costs.back();
}

std::string_view nearest(std::string_view name) {
    std::string_view best;
    std::size_t least = 3;  // two slips at most are obvious
    for (const auto& setting : table()) {
        const auto here = distance(name, setting.name);
        if (here >= least || here * 3 > setting.name.size()) continue;
        least = here;
        best = setting.name;
    }
    return best;
}

}  // namespace

environment_variables current_environment() {
    environment_variables out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return out;
}

std::optional<found_text> find_text(const row& setting, const environment_variables& variables,
                                    lines& problems, lines& warnings) {
    std::optional<found_text> out;
    const auto consider = [&](std::string_view name, auto convert) {
        auto found = find_spelling(std::string(name), variables, problems);
        if (!found || !is_acceptable(*found, problems)) return;
        if (convert) {
            auto converted = convert(found->text);
            if (!converted) {
                problems.push_back(fmt::format("{}: {}", found->origin, converted.error()));
                return;
            }
            found->text = *std::move(converted);
        }
        if (out && out->text != found->text)
            problems.push_back(fmt::format("{}: {} and {} are set to different values; keep one",
                                           setting.name, out->origin, found->origin));
        if (!out) out = std::move(found);
    };
    if (!is_blank(setting, variables, warnings)) consider(setting.name, alias{}.convert);
    for (const auto& other : setting.aliases) consider(other.name, other.convert);
    return out;
}

lines warn_unknown(const environment_variables& variables) {
    constexpr std::string_view prefix = "BULKHEAD_";
    lines out;
    for (auto at = variables.lower_bound(std::string(prefix)); at != variables.end(); ++at) {
        const std::string_view name = at->first;
        if (!name.starts_with(prefix)) break;
        if (std::ranges::find(tool_names, name) != tool_names.end()) continue;
        const auto meant = nearest(name.substr(prefix.size()));
        out.push_back(fmt::format("{}: no such setting{}", name,
                                  meant.empty() ? std::string() : fmt::format("; did you mean {}?", meant)));
    }
    return out;
}

}  // namespace bulkhead::config
