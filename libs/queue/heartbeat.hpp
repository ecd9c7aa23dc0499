// SPDX-License-Identifier: Apache-2.0
// Prolongs the leases of this process, tells runs that they are to stop, and takes back the leases of
// processes that are gone. On a thread of its own with a Redis connection of its own, so that no handler,
// however busy, can keep it from beating. start() and stop() on the main thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "observability/metrics.hpp"
#include "queue/dispatch.hpp"
#include "queue/lease_book.hpp"
#include "runtime/reactor.hpp"

namespace bulkhead::queue {

struct heartbeat_settings {
    std::string owner;
    unsigned shards = 4;
    std::chrono::milliseconds beat{5'000};
    std::chrono::milliseconds lease{15'000};
    std::chrono::milliseconds reap{500};  // a part of how late a lost job begins again, a cancelled one ends
    std::chrono::milliseconds count{5'000};  // between two looks at how much waits
};

class heartbeat {
public:
    /// References must outlive it.
    heartbeat(lease_book& leases, redis::redis_endpoint where, redis::redis_client_options options,
              metrics::registry& counts, heartbeat_settings settings);
    ~heartbeat();
    heartbeat(const heartbeat&) = delete;
    heartbeat& operator=(const heartbeat&) = delete;

    void start();
    /// Leases are not prolonged any more. Safe to call twice.
    void stop();

private:
    struct lane_gauges {
        metrics::gauge *waiting, *delayed, *dead, *oldest;
    };

    awaitable<> beat_again_and_again();
    awaitable<> reap_again_and_again();
    awaitable<> count_again_and_again();
    awaitable<bool> beat_once();
    awaitable<> beat_place(place where, std::vector<std::shared_ptr<lease>> held);
    awaitable<> reap_place(place where);
    awaitable<> count_lane(lane which);
    awaitable<> pause(std::chrono::milliseconds time);

    lease_book& leases_;
    const heartbeat_settings settings_;
    metrics::counter& lost_;
    metrics::counter& rescued_;
    metrics::counter& buried_;
    metrics::counter& missed_;
    std::array<lane_gauges, lanes> gauges_;
    runtime::reactor home_;
    redis::redis_client redis_;
    dispatch dispatch_;
    bool stopped_ = true;
    bool failed_ = false;        // the last round
    bool failed_round_ = false;  // this one, so far
};

}  // namespace bulkhead::queue
