// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "config/checks.hpp"
#include "config/file_checks.hpp"
#include "config/url_parts.hpp"

namespace bulkhead::config {
namespace {

constexpr int ex_config = 78;  // sysexits.h

std::string join_aliases(const row& setting) {
    std::string out;
    for (const auto& other : setting.aliases) {
        if (!out.empty()) out += ", ";
        out += other.name;
    }
    return out;
}

/// One pass over the table.
class reader {
public:
    reader(program running, const environment_variables& variables)
        : variables_(variables), now_{running, ::isatty(STDOUT_FILENO) == 1} {}

    void read(const row& setting) {
        const auto known = problems_.size();
        auto found = find_text(setting, variables_, problems_, out_.warnings);
        if (problems_.size() == known) accept(setting, std::move(found));
        if (problems_.size() != known) failed_.insert(setting.name);
    }

    std::expected<loaded, std::vector<std::string>> finish() {
        for (const auto& found : {cross_check(out_.values), check_files(out_.values, now_.running)})
            for (const auto& [name, text] : found)
                if (!failed_.contains(name)) problems_.push_back(fmt::format("{}: {}", name, text));
        std::ranges::move(warn_unknown(variables_), std::back_inserter(out_.warnings));
        if (!problems_.empty()) return std::unexpected(std::move(problems_));
        return std::move(out_);
    }

private:
    void accept(const row& setting, std::optional<found_text> found) {
        if (!found && !setting.hint.empty()) return report_missing(setting);
        const bool given = found.has_value();
        const auto text = given              ? std::move(found->text)
                          : setting.computed ? setting.computed(now_, out_.values)
                                             : std::string(setting.fallback);
        if (!text.empty()) {
            const auto ok = setting.parse(out_.values, text);
            if (!ok)
                problems_.push_back(fmt::format("{}: {}", given ? found->origin : setting.name, ok.error()));
        }
        const bool renamed = given && found->origin != setting.name;
        const auto note = renamed ? fmt::format("  (from {})", found->origin) : given ? "" : "  (default)";
        out_.report += fmt::format("{:<22}{}{}\n", fmt::format("{}  ", setting.name),
                                   describe_value(setting, text), text.empty() ? "" : note);
    }

    void report_missing(const row& setting) {
        const auto others = join_aliases(setting);
        problems_.push_back(fmt::format("{}: required{}: {}", setting.name,
                                        others.empty() ? "" : fmt::format(" (alias {})", others),
                                        setting.hint));
    }

    static std::string describe_value(const row& setting, const std::string& text) {
        if (text.empty()) return "(not set)";
        switch (setting.show) {
            case shown::secret: return secret(text).redacted();
            case shown::url: return mask_url(text);
            case shown::plain: break;
        }
        return text;
    }

    const environment_variables& variables_;
    circumstances now_;
    loaded out_{};
    std::vector<std::string> problems_;
    std::set<std::string_view> failed_;  // reported already: no second sentence about the same setting
};

void append_example(std::string& out, const row& setting) {
    static constexpr std::string_view program_names[] = {"api", "worker", "migrator"};
    std::string users;
    for (unsigned i = 0; i < std::size(program_names); ++i) {
        if ((setting.programs & 1U << i) == 0) continue;
        if (!users.empty()) users += ", ";
        users += program_names[i];
    }
    const auto aliases = join_aliases(setting);
    const bool literal = setting.computed == nullptr && !setting.fallback.empty();
    const auto fallback = !setting.hint.empty()      ? "required"
                          : setting.fallback.empty() ? "none"
                                                     : setting.fallback;
    out += fmt::format("\n# {}\n# {}; default: {}; used by: {}{}{}\n{}{}={}\n", setting.help, setting.type,
                       fallback, users, aliases.empty() ? "" : "; alias: ", aliases, literal ? "" : "# ",
                       setting.name, literal ? setting.fallback : setting.example);
}

}  // namespace

std::expected<loaded, std::vector<std::string>> load(program running,
                                                     const environment_variables& variables) {
    reader all(running, variables);
    for (const auto& setting : table())
        if ((setting.programs & only(running)) != 0) all.read(setting);
    return all.finish();
}

int check_config(program running, std::ostream& out, std::ostream& err) {
    const auto read = load(running, current_environment());
    if (!read) {
        for (const auto& problem : read.error()) err << problem << '\n';
        return ex_config;
    }
    for (const auto& warning : read->warnings) err << "warning: " << warning << '\n';
    out << read->report;
    return 0;
}

std::string env_example() {
    std::string out =
        "# Every setting of Bulkhead. Generated from libs/config/rows; a test fails when the two "
        "differ.\n"
        "# Lines that are commented out have no fixed default. An empty value counts as not set. NAME_FILE "
        "reads\n"
        "# any setting NAME from a file, without one line end after it. Times: 250ms, 5s, 15m, 1h, 30d. "
        "Sizes:\n"
        "# bytes, 500KB, 1MiB. A program's --check-config shows what it makes of them.\n";
    for (const auto& setting : table()) append_example(out, setting);
    return out;
}

}  // namespace bulkhead::config
