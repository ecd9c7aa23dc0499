// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/saga.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/fail_point.hpp"
#include "lifecycle/locks.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr int most_attempts = 5;

bool may_pass(const error& why) {
    return why.code == errc::unavailable || why.code == errc::deadline_exceeded;
}

class run_of_a_saga {
public:
    run_of_a_saga(site& at, operation& record, saga& how) : at_(at), record_(record), how_(how) {}

    result<void> run() {
        ++record_.attempt;
        if (record_.state != operation_state::undoing) {
            record_.state = operation_state::running;
            const auto done = forward();
            if (done) return finish(operation_state::succeeded);
            if (stopped_) return done;
            if (auto stop = give_up(done.error()); stop) return save();
        }
        const auto undone = each(how_.undo(), "undo.");
        if (!undone) return std::unexpected(undone.error());
        return finish(operation_state::failed);
    }

private:
    /// From the step after the last one that was recorded.
    result<void> forward() {
        const auto steps = how_.steps();
        const auto last = std::ranges::find(steps, record_.step, &saga_step::name);
        const auto first = last == steps.end() ? steps.begin() : last + 1;
        done_ = static_cast<std::size_t>(first - steps.begin());
        all_ = steps.size();
        return each({first, steps.end()}, "");
    }

    result<void> each(std::vector<saga_step> steps, std::string_view prefix) {
        for (const auto& step : steps) {
            stopped_ = at_.stop && at_.stop();
            if (stopped_) return fail(errc::unavailable, "stopped before it was done");
            if (at_.on_step) at_.on_step(step.name);
            const auto place = fmt::format("{}.{}{}", kind_name(record_.kind), prefix, step.name);
            fail_point(place + ".before");
            if (auto done = step.action(); !done) {
                log::warn("a step failed", {{"operation", kind_name(record_.kind)},
                                            {"tenant", record_.slug},
                                            {"step", step.name},
                                            {"error", describe(done.error().code).name},
                                            {"detail", done.error().detail}});
                return done;
            }
            fail_point(place + ".after");
            if (prefix.empty()) {
                record_.step = step.name;
                record_.progress["percent"] = 100 * ++done_ / all_;
            }
            if (auto saved = save(); !saved) return saved;
            fail_point(place + ".saved");
        }
        return {};
    }

    /// True: leave it as it is, to be tried again. False: undo it.
    bool give_up(const error& why) {
        const bool again = (may_pass(why) && record_.attempt < most_attempts) || how_.undo().empty();
        record_.error = why.detail.empty() ? std::string(describe(why.code).title) : why.detail;
        record_.progress["error_code"] = describe(why.code).name;
        if (!again) {
            record_.state = operation_state::undoing;
            // Recorded before anything is taken back: whoever goes on must not go forward any more.
            (void)save();
        }
        return again;
    }

    result<void> finish(operation_state end) {
        record_.state = end;
        if (end == operation_state::succeeded) record_.error.clear();
        return save();
    }

    result<void> save() { return save_operation(at_, record_); }

    site& at_;
    operation& record_;
    saga& how_;
    bool stopped_ = false;
    std::size_t done_ = 0, all_ = 1;  // steps
};

std::string lock_of(const operation& what) { return fmt::format("operation/{}", what.id.to_string()); }

}  // namespace

result<operation> run_saga(site& at, operation what, saga& how) {
    const auto lock = lock_by_name(at, lock_of(what), {});
    if (!lock) return std::unexpected(lock.error());
    auto current = find_operation(at, what.id);
    if (!current) return std::unexpected(std::move(current.error()));
    if (!*current) return fail(errc::not_found);
    auto record = **std::move(current);
    if (record.finished()) return record;
    if (auto done = run_of_a_saga(at, record, how).run(); !done)
        return std::unexpected(std::move(done.error()));
    return record;
}

result<bool> is_worked_on(const site& at, const operation& what) {
    const auto lock = lock_by_name(at, lock_of(what), {});
    if (lock) return false;
    if (lock.error().code == errc::conflict) return true;
    return std::unexpected(lock.error());
}

}  // namespace bulkhead::lifecycle
