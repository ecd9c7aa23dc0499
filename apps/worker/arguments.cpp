// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bulkhead::worker {
namespace {

/// What is wrong; nothing when all is well.
using problem = std::optional<std::string>;

constexpr unsigned most_listed = 1'000;
constexpr std::array<std::string_view, 6> states{"pending",   "scheduled", "running",
                                                 "succeeded", "failed",    "cancelled"};

struct command_row {
    command run;
    std::string_view name;     // behind "jobs"
    std::string_view options;  // with a space behind each
    bool needs_tenant;
    bool takes_ids;
};

constexpr std::array commands{
    command_row{command::stats, "stats", "", false, false},
    command_row{command::list, "list", "--tenant --state --kind --limit ", true, false},
    command_row{command::show, "show", "--tenant ", true, true},
    command_row{command::retry, "retry", "--tenant --failed --kind ", true, true},
    command_row{command::cancel, "cancel", "--tenant ", true, true},
    command_row{command::discard, "discard", "--tenant --failed --kind ", true, true},
    command_row{command::explain, "explain", "--tenant ", true, true},
    command_row{command::fsck, "fsck", "--repair ", false, false},
};
constexpr command_row enqueue_row{command::enqueue, "enqueue",
                                  "--tenant --payload --run-at --priority --unique ", true, false};

template <class T>
problem set(T& member, std::string_view value) {
    if (value.empty()) return "the value is empty";
    member = value;
    return std::nullopt;
}

problem set_state(arguments& out, std::string_view value) {
    if (std::ranges::find(states, value) == states.end())
        return fmt::format("expected one of {}", fmt::join(states, ", "));
    return set(out.state, value);
}

problem set_limit(arguments& out, std::string_view value) {
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), out.limit);
    if (ec != std::errc() || end != value.data() + value.size() || out.limit < 1 || out.limit > most_listed)
        return fmt::format("expected a number from 1 to {}", most_listed);
    return std::nullopt;
}

problem set_time(arguments& out, std::string_view value) {
    out.run_at = parse_rfc3339(value);
    if (!out.run_at) return "expected a time such as 2026-01-31T09:30:00Z";
    return std::nullopt;
}

problem set_priority(arguments& out, std::string_view value) {
    for (std::size_t i = 0; i < queue::priorities; ++i)
        if (value == queue::priority_name(static_cast<queue::priority>(i)))
            out.priority = static_cast<queue::priority>(i);
    if (!out.priority) return "expected high, normal or low";
    return std::nullopt;
}

struct option {
    std::string_view name;
    bool takes_value;
    problem (*set)(arguments&, std::string_view value);
};

constexpr std::array options{
    option{"--json", false, [](arguments& out, std::string_view) { return out.json = true, problem(); }},
    option{"--failed", false, [](arguments& out, std::string_view) { return out.failed = true, problem(); }},
    option{"--repair", false, [](arguments& out, std::string_view) { return out.repair = true, problem(); }},
    option{"--tenant", true, [](arguments& out, std::string_view value) { return set(out.tenant, value); }},
    option{"--kind", true, [](arguments& out, std::string_view value) { return set(out.kind, value); }},
    option{"--payload", true, [](arguments& out, std::string_view value) { return set(out.payload, value); }},
    option{"--unique", true,
           [](arguments& out, std::string_view value) { return set(out.unique_key, value); }},
    option{"--state", true, set_state},
    option{"--limit", true, set_limit},
    option{"--run-at", true, set_time},
    option{"--priority", true, set_priority},
};

class parser {
public:
    explicit parser(std::span<const std::string_view> words) : words_(words) {}

    std::expected<arguments, std::string> run() {
        if (std::ranges::find(words_, "--help") != words_.end()) return arguments{};
        if (auto wrong = find_command()) return std::unexpected(*wrong);
        while (at_ < words_.size())
            if (auto wrong = next()) return std::unexpected(*wrong);
        if (auto wrong = check()) return std::unexpected(*wrong);
        return std::move(out_);
    }

private:
    problem find_command() {
        if (words_[0] == "enqueue") {
            row_ = &enqueue_row;
            at_ = 1;
        } else {
            const auto word = words_.size() > 1 ? words_[1] : std::string_view();
            const auto* const found = std::ranges::find(commands, word, &command_row::name);
            if (found == commands.end())
                return "jobs: expected one of stats, list, show, retry, cancel, discard, explain, fsck";
            row_ = found;
            at_ = 2;
        }
        out_.run = row_->run;
        return std::nullopt;
    }

    problem next() {
        const auto word = words_[at_++];
        if (!word.starts_with("-")) return positional(word);
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto* const found = std::ranges::find(options, name, &option::name);
        const bool fits =
            name == "--json" || row_->options.find(std::string(name) + " ") != std::string::npos;
        if (found == options.end() || !fits) return fmt::format("unknown option {}; see --help", name);
        if (std::ranges::find(seen_, name) != seen_.end()) return fmt::format("{} is given twice", name);
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
        if (row_->run == command::enqueue && out_.kind.empty()) {
            out_.kind = word;
            return std::nullopt;
        }
        if (!row_->takes_ids) return fmt::format("unexpected argument \"{}\"", word);
        const auto id = uuid::parse(word);
        if (!id) return fmt::format("\"{}\" is not a job's id", word);
        out_.ids.push_back(*id);
        return std::nullopt;
    }

    problem check() const {
        const auto name = row_->name;
        if (row_->run == command::enqueue && out_.kind.empty()) return "enqueue: KIND is missing";
        if (row_->needs_tenant && out_.tenant.empty()) return fmt::format("{}: --tenant is missing", name);
        if (row_->takes_ids && !out_.failed && out_.ids.empty())
            return fmt::format("{}: ID is missing", name);
        if (out_.failed && !out_.ids.empty()) return fmt::format("{}: give ids or --failed", name);
        if (row_->takes_ids && !out_.failed && !out_.kind.empty())
            return fmt::format("{}: --kind needs --failed", name);
        const bool one = row_->run == command::show || row_->run == command::explain;
        if (one && out_.ids.size() > 1) return fmt::format("{}: one ID at a time", name);
        return std::nullopt;
    }

    std::span<const std::string_view> words_;
    std::size_t at_ = 0;
    const command_row* row_ = nullptr;
    std::vector<std::string_view> seen_;
    arguments out_;
};

}  // namespace

bool is_command(std::span<const std::string_view> words) {
    return !words.empty() && (words[0] == "jobs" || words[0] == "enqueue");
}

std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words) {
    return parser(words).run();
}

std::string_view usage() {
    return R"(usage: bulkhead-worker jobs COMMAND [--json]
       bulkhead-worker enqueue KIND --tenant SLUG [OPTIONS] [--json]

  jobs stats                        what waits, runs and is dead in Redis, by lane
  jobs list --tenant SLUG           the newest jobs of a tenant
      [--state S] [--kind K] [--limit N]
  jobs show --tenant SLUG ID        all that is known of a job
  jobs explain --tenant SLUG ID     why it does not run, or what it does
  jobs retry --tenant SLUG ID...    failed and cancelled jobs once more; --failed [--kind K]: all that failed
  jobs cancel --tenant SLUG ID...   jobs that wait, at once; those that run are asked to end
  jobs discard --tenant SLUG ID...  forgets finished jobs; --failed [--kind K]: all that failed
  jobs fsck [--repair]              what contradicts itself in Redis' part of the queue
  enqueue KIND --tenant SLUG        makes a job and prints its id
      [--payload JSON] [--run-at TIME] [--priority high|normal|low] [--unique KEY]

Data goes to stdout, messages to stderr. --json prints one object a line, the last with "type":"summary".
Exit status: 0 done, 1 failed, 2 usage, 3 partly failed, 4 findings that were not repaired, 78 configuration.
)";
}

}  // namespace bulkhead::worker
