// SPDX-License-Identifier: Apache-2.0
// The deliveries that this process has a lease of, as far as the thread that prolongs leases has to know
// them. A lease is shared by the reactor whose run it is and that thread; everything here is safe from any
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/dispatch.hpp"

namespace bulkhead::queue {

/// Why a run is to end.
enum class stop_reason : std::uint8_t {
    none,
    cancelled,  // somebody wants it to
    time_up,    // the kind's time limit has passed
    shutdown,   // the worker stops
    lost,       // another worker may have the job by now
};

/// What a run tells of itself.
struct run_progress {
    std::optional<unsigned> percent{};
    std::string note{};
};

class lease {
public:
    using clock = std::chrono::steady_clock;

    /// It is not prolonged after `until`: a run that stops for nothing, and one whose reactor hangs.
    lease(uuid tenant, uuid id, place where, clock::time_point until)
        : tenant_(tenant), id_(id), where_(where), until_(until) {}

    [[nodiscard]] const uuid& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const uuid& id() const noexcept { return id_; }
    [[nodiscard]] const place& where() const noexcept { return where_; }
    [[nodiscard]] clock::time_point until() const noexcept { return until_; }

    [[nodiscard]] stop_reason stop() const noexcept { return stop_.load(std::memory_order_relaxed); }
    /// The first reason stays, but that the lease is lost outdoes all others.
    void ask_to_stop(stop_reason why) noexcept;

    void tell(run_progress what);
    [[nodiscard]] run_progress progress() const;

private:
    const uuid tenant_;
    const uuid id_;
    const place where_;
    const clock::time_point until_;
    std::atomic<stop_reason> stop_{stop_reason::none};
    mutable std::mutex guard_;  // of what follows
    run_progress progress_;
};

class lease_book {
public:
    void add(std::shared_ptr<lease> one);
    /// A second one under the same id, taken meanwhile, stays.
    void remove(const lease& one);

    /// Null: this process has none of that job.
    [[nodiscard]] std::shared_ptr<lease> find(const uuid& id) const;
    /// Whether it has this very one: its run has not ended, and no other one of the job has begun.
    [[nodiscard]] bool has(const lease& one) const;
    [[nodiscard]] std::size_t size() const;
    /// Those that are to be prolonged, by place.
    [[nodiscard]] std::map<place, std::vector<std::shared_ptr<lease>>> by_place() const;

private:
    mutable std::mutex guard_;
    std::unordered_map<uuid, std::shared_ptr<lease>> all_;
};

}  // namespace bulkhead::queue
