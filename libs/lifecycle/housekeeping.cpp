// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/housekeeping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/thread.hpp"
#include "lifecycle/expiry.hpp"
#include "lifecycle/locks.hpp"
#include "lifecycle/operation.hpp"
#include "lifecycle/spares.hpp"
#include "lifecycle/storage.hpp"
#include "lifecycle/work.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

using clock = std::chrono::steady_clock;

double unix_time() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

template <class T>
result<void> without_value(const result<T>& done) {
    if (!done) return std::unexpected(done.error());
    return {};
}

result<void> begin_purges(site& at) {
    const auto lock = lock_by_name(at, "purges", {});
    if (!lock && lock.error().code == errc::conflict) return {};
    if (!lock) return std::unexpected(lock.error());
    return without_value(purge_what_is_due(at, at.stop));
}

result<void> refill(site& at, std::size_t wanted) {
    const auto full = refill_spares(at, wanted, at.stop);
    if (full && !*full && !at.stop()) return fail(errc::unavailable, "some spares could not be made");
    return without_value(full);
}

std::vector<std::pair<operation_kind, operation_state>> endings() {
    std::vector<std::pair<operation_kind, operation_state>> all;
    for (int kind = 0; kind <= static_cast<int>(operation_kind::purge); ++kind)
        for (const auto state : {operation_state::succeeded, operation_state::failed})
            all.emplace_back(static_cast<operation_kind>(kind), state);
    return all;
}

std::string key_of(operation_kind kind, operation_state state) {
    return fmt::format("{} {}", kind_name(kind), state_name(state));
}

}  // namespace

housekeeping::housekeeping(office& desks, metrics::registry& metrics, housekeeping_settings settings)
    : desks_(desks),
      metrics_(metrics),
      settings_(settings),
      unfinished_(
          metrics.add_gauge("bulkhead_operations_unfinished", "Work on tenants that is not finished.")),
      spares_(metrics.add_gauge("bulkhead_spare_databases", "Databases in stock for new tenants.")),
      behind_(metrics.add_gauge("bulkhead_tenants_behind",
                                "Tenants whose database lacks migrations that this program knows.")) {
    for (int status = 0; status <= static_cast<int>(tenancy::tenant_status::purging); ++status) {
        const auto name = tenancy::status_name(static_cast<tenancy::tenant_status>(status));
        tenants_[std::string(name)] =
            &metrics_.add_gauge("bulkhead_tenants", "Tenants by status.", metrics::label("status", name));
    }
    for (const auto& [kind, state] : endings()) finished_[key_of(kind, state)] = 0;
}

housekeeping::~housekeeping() {
    ask_to_stop();
    for (auto& one : threads_) one.join();
}

/// Not before they were counted: what jumps from 0 to all that ever ended looks as if it had ended just now.
void housekeeping::show_finished() {
    if (shown_) return;
    for (const auto& [kind, state] : endings())
        metrics_.add_counter_sampler(
            "bulkhead_operations_total", "Work on tenants that came to an end, by whichever program.",
            [&count = finished_.at(key_of(kind, state))] { return count.load(std::memory_order_relaxed); },
            metrics::label("kind", kind_name(kind)) + "," + metrics::label("state", state_name(state)));
    shown_ = true;
}

housekeeping::task housekeeping::make_task(std::string_view name, std::chrono::milliseconds pace,
                                           std::function<result<void>(site&)> run) {
    const auto label = metrics::label("task", name);
    return {.name = name,
            .pace = pace,
            .run = std::move(run),
            .failures = &metrics_.add_counter("bulkhead_housekeeping_failures_total",
                                              "Rounds of housekeeping that failed.", label),
            .last_success = &metrics_.add_gauge("bulkhead_housekeeping_last_success_timestamp_seconds",
                                                "When housekeeping last went well.", label)};
}

void housekeeping::start() {
    const auto pace = settings_.pace;
    std::vector<std::vector<task>> shifts;
    // Alone on its thread: an import of hours must not keep the rest waiting.
    const auto work = make_task("work", pace, [this](site& at) {
        return without_value(continue_abandoned_work(at, settings_.quiet, at.stop));
    });
    for (std::size_t i = 0; i < settings_.movers; ++i) shifts.push_back({work});
    shifts.push_back(
        {make_task("counts", 5 * pace, [this](site& at) { return count(at); }),
         make_task("spares", pace, [this](site& at) { return refill(at, settings_.spares); }),
         make_task("purges", 5 * pace, begin_purges),
         make_task("storage", 5 * pace,
                   [this](site& at) {
                       return without_value(
                           measure_storage(at, settings_.measured_at_once, settings_.measured_every));
                   }),
         make_task("expiry", 60 * pace,
                   [last = uuid{}](site& at) mutable { return without_value(remove_expired(at, last)); }),
         make_task("operations", 60 * pace, [this](site& at) {
             return without_value(remove_old_operations(at, settings_.keep_operations));
         })});
    const std::lock_guard lock(mutex_);
    for (auto& tasks : shifts) {
        ++running_;
        threads_.emplace_back([this, tasks = std::move(tasks)]() mutable { keep(std::move(tasks)); });
    }
}

void housekeeping::ask_to_stop() {
    stopping_ = true;
    const std::lock_guard lock(mutex_);  // whoever is about to wait has seen it, or is woken
    changed_.notify_all();
}

bool housekeeping::stop_within(std::chrono::milliseconds patience) {
    ask_to_stop();
    {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, patience, [this] { return running_ == 0; })) return false;
    }
    for (auto& one : threads_) one.join();
    threads_.clear();
    return true;
}

void housekeeping::keep(std::vector<task> tasks) {
    prepare_thread("housekeeping");
    while (!stopping_) {
        for (auto& one : tasks)
            if (one.due <= clock::now() && !stopping_) take_turn(one);
        const auto next = std::ranges::min(tasks, {}, &task::due).due;
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, next, [this] { return stopping_.load(); });
    }
    const std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
}

void housekeeping::take_turn(task& one) {
    result<void> done;
    try {
        done = desks_.run_here([&](site& at) -> result<void> {
            at.stop = [this] { return stopping_.load(); };
            const auto ready = is_ready(at);
            if (!ready) return std::unexpected(ready.error());
            return *ready ? one.run(at) : result<void>();
        });
    } catch (const std::exception& bug) {
        log::error("housekeeping threw", {{"task", one.name}, {"reason", bug.what()}});
        done = fail(errc::internal);
    }
    if (done) {
        one.last_success->set(unix_time());
        one.pause.reset();
    } else if (!stopping_) {
        one.failures->add();
        log::warn("housekeeping failed", {{"task", one.name},
                                          {"error", describe(done.error().code).name},
                                          {"detail", done.error().detail}});
    }
    one.due = clock::now() + (done ? one.pace : one.pause.next());
}

/// Until the control database was migrated, there is nothing to be done, and no table to look at.
result<bool> housekeeping::is_ready(const site& at) {
    if (ready_) return true;
    const auto there = at.control().run("select to_regclass('schema_migrations') is not null");
    if (!there) return std::unexpected(there.error());
    if (!there->boolean(0, 0)) return false;
    const auto at_head = at.control().run("select max(version) >= $1::bigint from schema_migrations",
                                          {settings_.control_schema});
    if (!at_head) return std::unexpected(at_head.error());
    ready_ = at_head->boolean(0, 0);
    return ready_.load();
}

result<void> housekeeping::count(const site& at) {
    const auto operations =
        run(at.control(),
            "select of, sum(n), unfinished from (select kind || ' ' || state as of, count(*) as n, "
            "finished_at is null as unfinished from operations group by 1, 3 union all "
            "select kind || ' ' || state, count, false from operations_removed) known group by 1, 3");
    if (!operations) return std::unexpected(operations.error());
    std::int64_t unfinished = 0;
    for (std::size_t row = 0; row < operations->size(); ++row) {
        if (operations->boolean(row, 2)) unfinished += operations->integer(row, 1);
        if (const auto known = finished_.find(operations->text(row, 0)); known != finished_.end())
            known->second = static_cast<double>(operations->integer(row, 1));
    }
    show_finished();
    unfinished_.set(static_cast<double>(unfinished));
    const auto spares = run(at.control(), "select count(*) from spare_databases where ready");
    if (!spares) return std::unexpected(spares.error());
    spares_.set(static_cast<double>(spares->integer(0, 0)));
    return count_tenants(at);
}

/// Behind are those that requests reach, or will after a resume; the others are migrated when they come back.
result<void> housekeeping::count_tenants(const site& at) {
    const auto found = run(at.control(),
                           "select status, count(*), count(*) filter (where schema_version < $1::bigint and "
                           "status in ('active', 'suspended')) from tenants group by 1",
                           {at.schema().head()});
    if (!found) return std::unexpected(found.error());
    std::int64_t behind = 0;
    for (const auto& [_, gauge] : tenants_) gauge->set(0);
    for (std::size_t row = 0; row < found->size(); ++row) {
        behind += found->integer(row, 2);
        if (const auto known = tenants_.find(found->text(row, 0)); known != tenants_.end())
            known->second->set(static_cast<double>(found->integer(row, 1)));
    }
    behind_.set(static_cast<double>(behind));
    return {};
}

}  // namespace bulkhead::lifecycle
