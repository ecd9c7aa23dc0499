// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator doctor
#include <fmt/format.h>

#include "commands.hpp"
#include "lifecycle/inspection.hpp"
#include "reporting.hpp"
#include "stop_signal.hpp"

namespace bulkhead::migrator {
namespace {

using lifecycle::finding;
using lifecycle::severity;

void print(const context& with, const finding& one) {
    const auto* how = one.how == severity::problem ? "problem" : "note";
    with.out.data({{"type", "finding"},
                   {"severity", how},
                   {"about", one.about},
                   {"finding", one.what},
                   {"advice", one.advice}},
                  fmt::format("{:<8} {}: {}; {}", how, one.about, one.what, one.advice));
}

}  // namespace

int run_doctor(const context& with) {
    // Nothing else can be looked at before the control database has its tables.
    if (const auto checked = check_control(with); checked != exit_ok) {
        print(with, {severity::problem, "control database", "its schema is not that of this program",
                     "run bulkhead-migrator up --control"});
        with.out.summary({{"problems", 1}, {"notes", 0}});
        return exit_preflight;
    }
    auto at = site_of(with, "");
    const auto found = lifecycle::inspect(at, with.settings.db_pool_max, [] { return stop_signal() != 0; });
    if (!found) return with.out.message(with.control.last_message()), exit_preflight;
    std::size_t problems = 0;
    for (const auto& one : *found) {
        print(with, one);
        problems += one.how == severity::problem ? 1 : 0;
    }
    with.out.summary({{"problems", problems}, {"notes", found->size() - problems}});
    if (stop_signal() != 0) return with.out.message("stopped before everything was looked at"), exit_failed;
    if (problems == 0) with.out.message("nothing is wrong");
    return problems == 0 ? exit_ok : exit_preflight;
}

}  // namespace bulkhead::migrator
