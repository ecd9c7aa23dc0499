// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "command_table.hpp"
#include "options.hpp"

namespace bulkhead::migrator {
namespace {

/// A synopsis, taken apart.
struct shape {
    struct positional {
        std::string_view name;
        bool optional = false;
    };
    std::vector<positional> positionals{};
    std::vector<std::string_view> options{"--json"};
    std::vector<std::string_view> needed{};  // among them
};

shape read_synopsis(std::string_view synopsis) {
    shape out;
    int depth = 0;  // of brackets
    bool is_value = false;
    while (!synopsis.empty()) {
        const auto word = synopsis.substr(0, synopsis.find_first_of(" \n[]"));
        if (word.empty()) {
            depth += synopsis[0] == '[' ? 1 : synopsis[0] == ']' ? -1 : 0;
            synopsis.remove_prefix(1);
            continue;
        }
        synopsis.remove_prefix(word.size());
        if (word == "|" || std::exchange(is_value, false)) continue;
        if (!word.starts_with("--")) {
            out.positionals.push_back({word, depth > 0});
            continue;
        }
        const auto name = word.substr(0, word.find('='));
        const auto* const known = find_option(name);
        is_value = name == word && known != nullptr && known->takes_value;
        out.options.push_back(name);
        if (depth == 0) out.needed.push_back(name);
    }
    return out;
}

class parser {
public:
    explicit parser(std::span<const std::string_view> words) : words_(words) {}

    std::expected<arguments, std::string> run() {
        if (words_.empty()) return std::unexpected<std::string>("a command is missing; see --help");
        if (auto early = information()) return *early;
        if (auto wrong = command_words()) return std::unexpected(*wrong);
        while (at_ < words_.size())
            if (auto wrong = next()) return std::unexpected(*wrong);
        if (auto wrong = check()) return std::unexpected(*wrong);
        return std::move(out_);
    }

private:
    /// --help wins wherever it stands; the other two are commands of their own.
    std::optional<arguments> information() const {
        const auto is_group = [](std::string_view word) {
            return !word.empty() &&
                   std::ranges::find(command_table(), word, &command_row::group) != command_table().end();
        };
        if (std::ranges::find(words_, "--help") != words_.end() || words_[0] == "-h" || words_[0] == "help") {
            const auto word = words_[0] == "help" && words_.size() > 1 ? words_[1] : words_[0];
            return arguments{.run = command::help, .group = is_group(word) ? std::string(word) : ""};
        }
        if (words_.size() == 1 && words_[0] == "--version") return arguments{.run = command::version};
        if (words_.size() == 1 && words_[0] == "--check-config")
            return arguments{.run = command::check_config};
        return std::nullopt;
    }

    problem command_words() {
        const auto second = words_.size() > 1 ? words_[1] : "";
        std::string verbs;
        for (const auto& row : command_table()) {
            const bool alone = row.group.empty();
            if (alone ? row.verb == words_[0] : row.group == words_[0] && row.verb == second) {
                row_ = &row;
                shape_ = read_synopsis(row.synopsis);
                out_.run = row.run;
                at_ = alone ? 1 : 2;
                return std::nullopt;
            }
            if (!alone && row.group == words_[0])
                verbs += fmt::format("{}{}", verbs.empty() ? "" : ", ", row.verb);
        }
        if (!verbs.empty()) return fmt::format("{}: expected one of {}", words_[0], verbs);
        return fmt::format("unknown command \"{}\"; see --help", words_[0]);
    }

    problem next() {
        const auto word = words_[at_++];
        if (!word.starts_with("-")) return positional(word);
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto* const found = find_option(name);
        if (found == nullptr || std::ranges::find(shape_.options, name) == shape_.options.end())
            return fmt::format("unknown option {}; see --help", name);
        if (seen(name)) return fmt::format("{} is given twice", name);
        seen_.push_back(name);

        std::string_view value;
        if (!found->takes_value && equals != word.npos) return fmt::format("{} takes no value", name);
        if (found->takes_value) {
            if (equals == word.npos && at_ == words_.size()) return fmt::format("{} needs a value", name);
            value = equals == word.npos ? words_[at_++] : word.substr(equals + 1);
        }
        const auto wrong = found->set(out_, value);
        return wrong ? problem(fmt::format("{}: {}", name, *wrong)) : std::nullopt;
    }

    problem positional(std::string_view word) {
        if (positionals_ == shape_.positionals.size()) return fmt::format("unexpected argument \"{}\"", word);
        const auto& place = shape_.positionals[positionals_++];
        if (word.empty()) return fmt::format("{}: {} is empty", label(), place.name);
        out_.*positional_member(place.name) = word;
        return std::nullopt;
    }

    problem check() const {
        if (positionals_ < shape_.positionals.size() && !shape_.positionals[positionals_].optional)
            return fmt::format("{}: {} is missing", label(), shape_.positionals[positionals_].name);
        // The two schemas are numbered apart, so one number cannot mean both.
        if (out_.to && out_.databases == target::everything)
            return "--to needs --control, --tenants or --tenant";
        if (out_.owner_email.empty() != out_.owner_password_file.empty())
            return "--owner-email and --owner-password-file belong together";
        if (out_.owner_email.empty() && !out_.owner_name.empty()) return "--owner-name needs --owner-email";
        if (const auto missing = missing_option()) return missing;
        if (out_.run == command::keys_rotate && !out_.slug.empty() && !out_.credentials)
            return "--tenant needs --credentials";
        const bool destroys = out_.run == command::tenant_delete || out_.run == command::tenant_purge;
        if (destroys && out_.confirm != out_.slug)
            return fmt::format("{}: {} --confirm={} to say that this tenant is meant", label(),
                               out_.confirm.empty() ? "add" : "the confirmation names another tenant; give",
                               out_.slug);
        return std::nullopt;
    }

    /// Those that stand in the synopsis without brackets.
    problem missing_option() const {
        for (const auto name : shape_.needed)
            if (name != "--confirm" && !seen(name)) return fmt::format("{}: {} is missing", label(), name);
        return std::nullopt;
    }

    [[nodiscard]] bool seen(std::string_view name) const {
        return std::ranges::find(seen_, name) != seen_.end();
    }
    [[nodiscard]] std::string label() const {
        return row_->group.empty() ? std::string(row_->verb) : fmt::format("{} {}", row_->group, row_->verb);
    }

    std::span<const std::string_view> words_;
    std::size_t at_ = 0;
    const command_row* row_ = nullptr;
    shape shape_;
    std::size_t positionals_ = 0;
    std::vector<std::string_view> seen_;
    arguments out_;
};

constexpr std::string_view closing = R"(
Data goes to stdout, messages to stderr. --json prints one object a line, the last with "type":"summary".
Nothing ever asks back: what destroys something wants --confirm with the name of it. Settings come from the
environment: DATABASE_URL, DATA_KEY and others; see --check-config.

Exit status: 0 done, 1 failed, 2 usage, 3 partly failed, 4 migrations are pending, 5 locked by another run,
6 files or history do not match their checksums, 10 the doctor found something, 78 configuration, 130 and 143
stopped by a signal.
)";

/// Each line of `text` after the first is indented by `width`.
std::string indented(std::string_view text, std::size_t width) {
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == '\n') out.append(width, ' ');
    }
    return out;
}

}  // namespace

std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words) {
    return parser(words).run();
}

std::string usage(std::string_view group) {
    std::string out = group.empty() ? "Usage: bulkhead-migrator COMMAND [OPTIONS]\n\n"
                                    : fmt::format("Usage: bulkhead-migrator {} COMMAND [OPTIONS]\n\n", group);
    for (const auto& row : command_table()) {
        if (!group.empty() && row.group != group) continue;
        const auto words =
            row.group.empty() ? std::string(row.verb) : fmt::format("{} {}", row.group, row.verb);
        out += fmt::format("  {}{}{} [--json]\n        {}\n", words, row.synopsis.empty() ? "" : " ",
                           indented(row.synopsis, 8), indented(row.help, 8));
    }
    if (!group.empty()) return out;
    out +=
        "\n  --help, COMMAND --help, --version\n"
        "  --check-config    prints the effective configuration without secrets, or all that is wrong with "
        "it\n";
    out += closing;
    return out;
}

}  // namespace bulkhead::migrator
