// SPDX-License-Identifier: Apache-2.0
// What a handler gets: the tenant whose job it is, its database, and the run itself. Only the worker makes
// one, for a job that it has claimed, so a job cannot touch another tenant's data. Lives as long as the run;
// belongs to one reactor.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/database.hpp"
#include "queue/job.hpp"
#include "runtime/deadline.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::queue {

/// The run, as its handler sees it.
class job_control {
public:
    virtual ~job_control() = default;

    /// Somebody wants it to end: the job was cancelled, its time is up, its lease was lost, or the worker
    /// stops. Look at it between steps; a statement under way is not interrupted.
    [[nodiscard]] virtual bool stop_requested() const noexcept = 0;

    /// How far it is, for people. Costs nothing here: it travels with the next heartbeat.
    virtual void progress(unsigned percent, std::string note = {}) = 0;

    /// Where the next run is to go on, should this one end early: kept with the job at once. An error: it is
    /// not kept, or the job is another worker's by now; then stop. For jobs in a database.
    virtual awaitable<result<>> save_checkpoint(json::value where) = 0;
};

class job_context {
public:
    [[nodiscard]] const tenancy::tenant& tenant() const noexcept { return *tenant_; }
    /// The tenant's database until the end of the run. What is written through it takes effect together with
    /// the job's end, exactly once: the first write begins a transaction that holds the job, success commits
    /// it. Reads before that are on their own.
    [[nodiscard]] const postgres::database& db() const noexcept { return db_; }
    /// The same database for steps of a long job, each of which takes effect by itself. A run whose lease was
    /// lost may still get here while another one runs: make steps repeatable.
    [[nodiscard]] const postgres::database& steps() const noexcept { return steps_; }

    [[nodiscard]] const uuid& id() const noexcept { return id_; }
    /// On whose behalf; nullopt: the system's.
    [[nodiscard]] const std::optional<uuid>& user() const noexcept { return user_; }
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }  // from 1
    [[nodiscard]] bool last_attempt() const noexcept { return last_attempt_; }
    [[nodiscard]] const runtime::deadline& deadline() const noexcept { return deadline_; }
    /// What an earlier run saved; null: nothing.
    [[nodiscard]] const json::value& checkpoint() const noexcept { return checkpoint_; }
    [[nodiscard]] job_control& control() const noexcept { return *control_; }

private:
    friend class job_run;
    job_context(std::shared_ptr<const tenancy::tenant> of, postgres::database db, postgres::database steps,
                runtime::deadline limit)
        : tenant_(std::move(of)), db_(std::move(db)), steps_(std::move(steps)), deadline_(limit) {}

    std::shared_ptr<const tenancy::tenant> tenant_;
    postgres::database db_;
    postgres::database steps_;
    uuid id_{};
    std::optional<uuid> user_{};
    unsigned attempt_ = 1;
    bool last_attempt_ = false;
    runtime::deadline deadline_;
    json::value checkpoint_{};
    job_control* control_ = nullptr;
};

}  // namespace bulkhead::queue
