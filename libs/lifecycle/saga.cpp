// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/saga.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/fail_point.hpp"
#include "lifecycle/locks.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr int most_failures = 8;
constexpr int most_attempts = 16;  // of which the others ended with their process

bool may_pass(const error& why) {
    return why.code == errc::unavailable || why.code == errc::deadline_exceeded;
}

/// An exception is a bug; the work that meets it is refused like any other.
result<void> act(const saga_step& step) {
    try {
        return step.action();
    } catch (const std::exception& bug) {
        log::error("a step threw", {{"step", step.name}, {"reason", bug.what()}});
        return fail(errc::internal);
    }
}

class run_of_a_saga {
public:
    run_of_a_saga(site& at, operation& record, saga& how) : at_(at), record_(record), how_(how) {}

    /// An error says that nothing more was done: the record could not be written, or site::stop said so.
    result<void> run() {
        if (record_.state != operation_state::undoing) {
            auto went = attempts_left() ? forward() : result<outcome>(outcome::refused);
            if (!went) return std::unexpected(std::move(went.error()));
            if (*went == outcome::paused) return {};
            if (*went == outcome::done) return finish(operation_state::succeeded);
            // Recorded before anything is taken back: whoever goes on must not go forward any more.
            record_.state = operation_state::undoing;
            if (auto saved = save(); !saved) return saved;
        }
        auto back = each(how_.undo(), "undo.");
        if (!back) return std::unexpected(std::move(back.error()));
        return *back == outcome::done ? finish(operation_state::failed) : result<void>{};
    }

private:
    /// `paused`: to be gone on with later, and recorded so.
    enum class outcome { done, paused, refused };

    /// From the step after the last one that was recorded.
    result<outcome> forward() {
        const auto steps = how_.steps();
        const auto last = std::ranges::find(steps, record_.step, &saga_step::name);
        const auto first = last == steps.end() ? steps.begin() : last + 1;
        done_ = static_cast<std::size_t>(first - steps.begin());
        all_ = steps.size();
        return each({first, steps.end()}, "");
    }

    result<outcome> each(const std::vector<saga_step>& steps, std::string_view prefix) {
        for (const auto& step : steps) {
            if (at_.stop && at_.stop()) return fail(errc::unavailable, "stopped before it was done");
            if (at_.on_step) at_.on_step(step.name);
            const auto place = fmt::format("{}.{}{}", kind_name(record_.kind), prefix, step.name);
            fail_point(place + ".before");
            if (const auto done = act(step); !done) return failed(step.name, done.error());
            fail_point(place + ".after");
            if (prefix.empty()) {
                record_.step = step.name;
                record_.progress["percent"] = 100 * ++done_ / all_;
            }
            if (auto saved = save(); !saved) return std::unexpected(std::move(saved.error()));
            fail_point(place + ".saved");
        }
        return outcome::done;
    }

    result<outcome> failed(std::string_view step, const error& why) {
        log::warn("a step failed", {{"operation", kind_name(record_.kind)},
                                    {"tenant", record_.slug},
                                    {"step", step},
                                    {"attempt", record_.attempt},
                                    {"error", describe(why.code).name},
                                    {"detail", why.detail}});
        if (record_.state == operation_state::undoing) return pause();  // the first reason counts
        explain(why);
        const auto failures = count_failure();
        const bool again = (may_pass(why) && failures < most_failures) || how_.undo().empty();
        return again ? pause() : outcome::refused;
    }

    result<outcome> pause() {
        if (auto saved = save(); !saved) return std::unexpected(std::move(saved.error()));
        return outcome::paused;
    }

    bool attempts_left() {
        if (record_.attempt <= most_attempts || how_.undo().empty()) return true;
        explain({.code = errc::internal, .detail = "it was interrupted too often"});
        return false;
    }

    void explain(const error& why) {
        record_.error = why.detail.empty() ? std::string(describe(why.code).title) : why.detail;
        record_.progress["error_code"] = describe(why.code).name;
    }

    std::int64_t count_failure() {
        auto& count = record_.progress["failures"];
        count = (count.is_int64() ? count.as_int64() : 0) + 1;
        return count.as_int64();
    }

    result<void> finish(operation_state end) {
        record_.state = end;
        if (end == operation_state::succeeded) {
            record_.error.clear();
            record_.progress.erase("error_code");
        }
        return save();
    }

    result<void> save() { return save_operation(at_, record_); }

    site& at_;
    operation& record_;
    saga& how_;
    std::size_t done_ = 0, all_ = 1;  // steps
};

std::string lock_of(const operation& what) { return fmt::format("operation/{}", what.id.to_string()); }

}  // namespace

result<operation> run_saga(site& at, const operation& what, saga& how) {
    const auto lock = lock_by_name(at, lock_of(what), {});
    if (!lock) return std::unexpected(lock.error());
    auto current = begin_attempt(at, what.id);
    if (!current) return current;
    if (current->finished()) return current;
    how.attach(*current);
    if (auto done = run_of_a_saga(at, *current, how).run(); !done)
        return std::unexpected(std::move(done.error()));
    return current;
}

result<bool> is_worked_on(const site& at, const operation& what) {
    const auto lock = lock_by_name(at, lock_of(what), {});
    if (lock) return false;
    if (lock.error().code == errc::conflict) return true;
    return std::unexpected(lock.error());
}

}  // namespace bulkhead::lifecycle
