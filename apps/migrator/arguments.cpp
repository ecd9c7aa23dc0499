// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bulkhead::migrator {
namespace {

constexpr unsigned bit(command one) { return 1U << static_cast<unsigned>(one); }

constexpr unsigned up = bit(command::up);
constexpr unsigned create = bit(command::tenant_create);
constexpr unsigned any = up | create | bit(command::status) | bit(command::tenant_list);

using problem = std::optional<std::string>;

problem choose(arguments& out, target databases) {
    if (out.databases != target::everything) return "--control, --tenants and --tenant exclude each other";
    out.databases = databases;
    return std::nullopt;
}

struct option {
    std::string_view name;
    unsigned commands;
    bool takes_value;
    problem (*set)(arguments&, std::string_view value);
};

template <std::string arguments::*Member>
problem store(arguments& out, std::string_view value) {
    if (value.empty()) return "the value is empty";
    out.*Member = value;
    return std::nullopt;
}

template <bool arguments::*Member>
problem turn_on(arguments& out, std::string_view) {
    out.*Member = true;
    return std::nullopt;
}

problem set_to(arguments& out, std::string_view value) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure != std::errc{} || end != value.data() + value.size() || number < 1)
        return fmt::format("\"{}\" is not the number of a migration", value);
    out.to = number;
    return std::nullopt;
}

constexpr std::array options{
    option{"--control", up, false,
           [](arguments& out, std::string_view) { return choose(out, target::control); }},
    option{"--tenants", up, false,
           [](arguments& out, std::string_view) { return choose(out, target::all_tenants); }},
    option{"--tenant", up, true,
           [](arguments& out, std::string_view value) {
               if (auto wrong = choose(out, target::one_tenant)) return wrong;
               return store<&arguments::slug>(out, value);
           }},
    option{"--to", up, true, set_to},
    option{"--dry-run", up, false, turn_on<&arguments::dry_run>},
    option{"--json", any, false, turn_on<&arguments::json>},
    option{"--if-absent", create, false, turn_on<&arguments::if_absent>},
    option{"--name", create, true, store<&arguments::name>},
    option{"--owner-email", create, true, store<&arguments::owner_email>},
    option{"--owner-name", create, true, store<&arguments::owner_name>},
    option{"--owner-password-file", create, true, store<&arguments::owner_password_file>},
};

struct verb {
    std::string_view first, second;  // second: empty for a single word
    command run;
};
constexpr std::array verbs{
    verb{"up", "", command::up},
    verb{"status", "", command::status},
    verb{"tenant", "create", command::tenant_create},
    verb{"tenant", "list", command::tenant_list},
};

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
        if (std::ranges::find(words_, "--help") != words_.end() || words_[0] == "-h" || words_[0] == "help")
            return arguments{.run = command::help};
        if (words_.size() == 1 && words_[0] == "--version") return arguments{.run = command::version};
        if (words_.size() == 1 && words_[0] == "--check-config")
            return arguments{.run = command::check_config};
        return std::nullopt;
    }

    problem command_words() {
        const auto second = words_.size() > 1 ? words_[1] : "";
        const auto found = std::ranges::find_if(verbs, [&](const verb& one) {
            return one.first == words_[0] && (one.second.empty() || one.second == second);
        });
        if (found == verbs.end() && words_[0] == "tenant") return "tenant: expected create or list";
        if (found == verbs.end()) return fmt::format("unknown command \"{}\"; see --help", words_[0]);
        out_.run = found->run;
        at_ = found->second.empty() ? 1 : 2;
        return std::nullopt;
    }

    problem next() {
        const auto word = words_[at_++];
        if (!word.starts_with("-")) return positional(word);
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto found = std::ranges::find(options, name, &option::name);
        if (found == options.end() || (found->commands & bit(out_.run)) == 0)
            return fmt::format("unknown option {}; see --help", name);
        if (seen_ & (1U << (found - options.begin()))) return fmt::format("{} is given twice", name);
        seen_ |= 1U << (found - options.begin());

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
        if (out_.run != command::tenant_create || !out_.slug.empty())
            return fmt::format("unexpected argument \"{}\"", word);
        out_.slug = word;
        return std::nullopt;
    }

    problem check() const {
        if (out_.run == command::tenant_create && out_.slug.empty())
            return "tenant create: the slug is missing";
        // The two schemas are numbered apart, so one number cannot mean both.
        if (out_.to && out_.databases == target::everything)
            return "--to needs --control, --tenants or --tenant";
        if (out_.owner_email.empty() != out_.owner_password_file.empty())
            return "--owner-email and --owner-password-file belong together";
        if (out_.owner_email.empty() && !out_.owner_name.empty()) return "--owner-name needs --owner-email";
        return std::nullopt;
    }

    std::span<const std::string_view> words_;
    std::size_t at_ = 0;
    unsigned seen_ = 0;
    arguments out_;
};

}  // namespace

std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words) {
    return parser(words).run();
}

std::string_view usage() noexcept {
    return R"(Usage: bulkhead-migrator COMMAND [OPTIONS]

  up [--control | --tenants | --tenant SLUG] [--to N] [--dry-run] [--json]
        Runs pending migrations: the control database first, then one tenant after the other. A tenant that
        fails does not stop the others. --dry-run prints what would run.
  status [--json]
        The version of every database, and what is pending there.
  tenant create SLUG [--name NAME] [--if-absent] [--json]
        [--owner-email E --owner-password-file F [--owner-name N]]
        Makes a tenant with a database and a role of its own, or completes one whose creation was interrupted.
        --if-absent accepts one that exists and leaves it as it is.
  tenant list [--json]

  --help, --version
  --check-config    prints the effective configuration without secrets, or all that is wrong with it

Data goes to stdout, messages to stderr. --json prints one object a line, the last with "type":"summary".
Settings come from the environment: DATABASE_URL, DATA_KEY and others; see --check-config.

Exit status: 0 done, 1 failed, 2 usage, 3 partly failed, 4 migrations are pending, 5 locked by another run,
6 files or history do not match their checksums, 78 configuration, 130 and 143 stopped by a signal.
)";
}

}  // namespace bulkhead::migrator
