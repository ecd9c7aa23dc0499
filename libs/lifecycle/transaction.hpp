// SPDX-License-Identifier: Apache-2.0
// BEGIN … COMMIT on a blocking session; rolled back when it goes out of scope before commit(). One thread.
#pragma once

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

class transaction {
public:
    explicit transaction(postgres::session& on) : on_(on), begun_(run_script(on, "begin")) {}
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    ~transaction() {
        if (begun_ && !done_) (void)on_.run_script("rollback");
    }

    [[nodiscard]] const result<void>& begun() const noexcept { return begun_; }

    /// errc::internal when a statement failed before: then nothing was committed.
    result<void> commit() {
        const bool healthy = on_.in_transaction();
        done_ = true;
        auto ended = run_script(on_, healthy ? "commit" : "rollback");
        if (ended && !healthy) return fail(errc::internal);
        return ended;
    }

private:
    postgres::session& on_;
    result<void> begun_;
    bool done_ = false;
};

}  // namespace bulkhead::lifecycle
