// SPDX-License-Identifier: Apache-2.0
// Work in steps, none of which can be one transaction with the others. Each step may be repeated, and is
// recorded when it is done: a run that was killed is continued by the next one, at the step that was not. A
// step that is refused for good makes the run undo what was done. Blocking; one thread at a time.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "lifecycle/operation.hpp"

namespace bulkhead::lifecycle {

struct saga_step {
    std::string_view name;
    std::function<result<void>()> action;
};

class saga {
public:
    virtual ~saga() = default;
    /// In their order. Called once, before the first runs.
    virtual std::vector<saga_step> steps() = 0;
    /// What takes everything back, in the order in which to run it, whichever steps were done. Empty: cannot
    /// be taken back, so every failure is tried again.
    virtual std::vector<saga_step> undo() { return {}; }

    /// Called first, by run_saga.
    void attach(operation& record) noexcept { record_ = &record; }

protected:
    /// As it is under the lock, while the saga runs. What a step leaves in `progress` is saved with the step.
    [[nodiscard]] operation& record() const noexcept { return *record_; }

private:
    operation* record_ = nullptr;
};

/// Takes the lock of `what`, reads it again, and runs it to its end, or to a failure that may pass (the
/// database is away). The eighth such failure is undone; so is work that was killed sixteen times, for it may
/// be what kills. Returns the record as it is then; the record of finished work at once. errc::conflict when
/// another process is at it. errc::unavailable when site::stop ended it early; the record stays as it is.
result<operation> run_saga(site& at, const operation& what, saga& how);

/// Whether a process is at it now. What nobody works on and is not finished was left behind.
result<bool> is_worked_on(const site& at, const operation& what);

}  // namespace bulkhead::lifecycle
