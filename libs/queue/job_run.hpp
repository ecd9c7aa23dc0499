// SPDX-License-Identifier: Apache-2.0
// One run of one job, from its delivery to what is to be settled of it. A job in a database is claimed there,
// and its end is written there by the transaction that holds its effect, before Redis hears of it; whoever is
// late finds another fence and changes nothing. Belongs to one reactor; shared by the runner and the
// coroutines of the run, of which a handler that does not end may be left behind.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "queue/dispatch.hpp"
#include "queue/gate.hpp"
#include "queue/handler.hpp"
#include "queue/job_context.hpp"
#include "queue/job_ledger.hpp"
#include "queue/job_scope.hpp"
#include "queue/job_store.hpp"
#include "queue/lease_book.hpp"
#include "queue/relay.hpp"
#include "queue/run_metrics.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

/// What went wrong in a way that somebody should look at.
struct run_trouble {
    std::string_view kind;
    std::string_view tenant;  // slug
    uuid id;
    std::string type;  // of the exception
    std::string what;
};

/// What all runs of a reactor share; outlives them.
struct run_desk {
    tenancy::registry& tenants;
    const handlers& known;
    lease_book& leases;
    run_metrics& counts;
    std::function<void(const run_trouble&)> report{};  // may be empty
    /// How long a run may go on after its time limit before it is given up.
    std::chrono::milliseconds grace{10'000};
    /// What waits for longer waits in its database, and a relay brings it back before its time: two sweeps.
    std::chrono::milliseconds longest_delay{2 * relay_settings{}.sweep_every};
    bool draining = false;  // nothing is begun any more
    std::shared_ptr<job_ledger> ledger = std::make_shared<job_ledger>(tenants);
};

class job_run final : public job_control, public std::enable_shared_from_this<job_run> {
public:
    /// `slot`: what its handler waits for; null: nothing.
    job_run(run_desk& desk, delivery what, gate::pass_ptr slot = {});
    ~job_run() override;
    job_run(const job_run&) = delete;
    job_run& operator=(const job_run&) = delete;

    using end = std::optional<settlement>;

    /// Once. Nothing: the job is another worker's by now, or was given up by `abandon`.
    awaitable<end> perform();

    /// Of a run whose handler does not end although it was asked to: writes down that it failed, or that it
    /// was given back when the worker stops. `perform` goes on and comes to nothing.
    awaitable<end> abandon();

    /// Nothing is left to do: lets go of its slot.
    void let_go() { slot_.reset(); }

    /// Asks it to stop when its time is up. True: it had been asked long enough ago, abandon it.
    bool is_overdue(steady_clock::time_point now);

    [[nodiscard]] bool stop_requested() const noexcept override {
        return lease_->stop() != stop_reason::none;
    }
    void progress(unsigned percent, std::string note = {}) override;
    awaitable<result<>> save_checkpoint(json::value where) override;

    /// Keeps in the database what the handler has told of its progress, if that is news.
    awaitable<> save_progress();

    [[nodiscard]] queue::lease& lease() noexcept { return *lease_; }
    [[nodiscard]] const delivery& what() const noexcept { return what_; }
    [[nodiscard]] steady_clock::time_point began() const noexcept { return began_; }
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
    /// The handler is at it.
    [[nodiscard]] bool running() const noexcept { return running_; }
    [[nodiscard]] const std::string& tenant_slug() const noexcept { return slug_; }
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }

private:
    using tenant_ptr = std::shared_ptr<const tenancy::known_tenant>;

    awaitable<end> begin();
    awaitable<bool> wait_for_slot();
    awaitable<end> perform_kept();
    awaitable<std::optional<end>> bury();
    awaitable<end> perform_light();
    awaitable<run_outcome> run_handler(std::string payload, json::value checkpoint);
    awaitable<std::optional<end>> finish_kept(run_outcome outcome, bool may_repeat);
    awaitable<std::optional<end>> finish_light(run_outcome outcome, bool may_repeat);
    awaitable<end> fail_kept(run_failure why);
    end fail_light(run_failure why);
    awaitable<end> give_back(std::chrono::milliseconds wait);

    end close_tenant(tenancy::tenant_status status);
    end unclaimed(const job_store::claim_outcome& why);
    settlement settle(settlement::verdict what, run_end counted);
    settlement later(std::chrono::milliseconds delay, run_end counted, std::string reason = {},
                     bool counts = false);
    /// The row says when the job is due.
    end at_its_time(std::chrono::milliseconds delay, run_end counted, std::string reason = {});
    end nothing(run_end counted);
    void open_scope();
    void tell_of_exception(std::string type, std::string_view what);
    /// The tenant's database: for what is written about the run, and for the run itself.
    [[nodiscard]] postgres::database outside(std::chrono::milliseconds patience) const;
    [[nodiscard]] postgres::database inside() const;
    [[nodiscard]] bool is_kept() const { return !what_.payload; }
    [[nodiscard]] run_failure explain(run_failure why) const;

    run_desk& desk_;
    const delivery what_;
    const known_handler* const handler_;  // nullptr: the kind is unknown here
    const steady_clock::time_point began_;
    steady_clock::duration waited_{};  // for its slot
    const std::shared_ptr<queue::lease> lease_;
    gate::pass_ptr slot_;
    tenant_ptr tenant_;
    std::string slug_;
    claimed_job job_;
    bool claimed_ = false;
    std::optional<steady_clock::time_point> time_up_;  // once the handler was begun
    bool running_ = false;                             // the handler
    unsigned attempt_ = 1;
    unsigned most_attempts_ = 1;
    std::shared_ptr<job_scope> scope_;
    std::optional<unsigned> saved_percent_;
    std::string saved_note_;
    bool abandoned_ = false;
};

}  // namespace bulkhead::queue
