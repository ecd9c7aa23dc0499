// SPDX-License-Identifier: Apache-2.0
// Where the writes of a run go: into one transaction, which the first of them begins by holding the job, and
// which ends with it. A run whose job is another worker's by now cannot write. Belongs to one reactor; shared
// by the run and the databases it hands out.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "persistence/postgres/database.hpp"

namespace bulkhead::queue {

class job_scope final : public postgres::write_scope {
public:
    /// `first` are the statements that the transaction begins with; none for a job without a row.
    job_scope(postgres::database db, std::vector<postgres::query> first)
        : db_(std::move(db)), first_(std::move(first)) {}

    awaitable<result<std::shared_ptr<postgres::transaction>>> enter() override;
    [[nodiscard]] std::shared_ptr<postgres::transaction> entered() const override { return open_; }

    /// Nothing is written through it any more. What was: null when that is nothing. Undone when let go of.
    std::shared_ptr<postgres::transaction> close();

    /// Why nothing could be written.
    [[nodiscard]] const std::optional<error>& refusal() const noexcept { return refusal_; }

private:
    const postgres::database db_;
    const std::vector<postgres::query> first_;
    std::shared_ptr<postgres::transaction> open_;
    std::optional<error> refusal_;
    bool entering_ = false;
    bool closed_ = false;
};

}  // namespace bulkhead::queue
