// SPDX-License-Identifier: Apache-2.0
// Blocking work on tenants for programs that live on reactors: a few threads, each piece of work with a
// session in the control database that is kept for the next one. Shared by all reactors; stop the pool before
// it dies.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "lifecycle/site.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::lifecycle {

class office {
public:
    /// What every site is made of; see site. References must outlive the office.
    office(runtime::blocking_pool& threads, const postgres::conninfo& control, const sealed_box& box,
           const migrations::migration_set& schema, site_settings settings);
    ~office();
    office(const office&) = delete;
    office& operator=(const office&) = delete;

    /// Recorded work ends after the step it is at, and is left to whoever goes on with it. From any thread.
    void close() noexcept { closed_ = true; }

    /// Runs `work(site)`, which returns a result<T>, on a thread of the pool and resumes on the caller's
    /// reactor. errc::unavailable when the queue is full or the control database cannot be reached.
    template <class F>
    awaitable<std::invoke_result_t<F, site&>> run(F work) {
        auto job = [this, work = std::move(work)]() mutable -> std::invoke_result_t<F, site&> {
            auto seat = take();
            if (!seat) return std::unexpected(std::move(seat.error()));
            auto done = work((*seat)->at);
            give_back(*std::move(seat));
            return done;
        };
        auto done = co_await threads_.run(std::move(job));
        if (!done) co_return std::unexpected(std::move(done.error()));
        co_return std::move(*done);
    }

    /// The same on the calling thread.
    template <class F>
    std::invoke_result_t<F, site&> run_here(F work) {
        auto seat = take();
        if (!seat) return std::unexpected(std::move(seat.error()));
        auto done = work((*seat)->at);
        give_back(*std::move(seat));
        return done;
    }

private:
    struct desk {
        postgres::session control;
        site at;
        steady_clock::time_point used{};
        desk(postgres::session session, const office& of);
    };
    using desk_pointer = std::unique_ptr<desk>;

    result<desk_pointer> take();
    desk_pointer take_idle();
    void give_back(desk_pointer seat);

    runtime::blocking_pool& threads_;
    const postgres::conninfo& control_;
    const sealed_box& box_;
    const migrations::migration_set& schema_;
    const site_settings settings_;
    std::atomic<bool> closed_ = false;
    std::mutex mutex_;
    std::vector<desk_pointer> idle_;  // last used last
};

}  // namespace bulkhead::lifecycle
