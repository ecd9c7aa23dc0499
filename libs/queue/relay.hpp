// SPDX-License-Identifier: Apache-2.0
// Brings to Redis what it does not know: looks into the databases of tenants that were hinted at, when their
// hint is due, and pushes what is to be done soon. Pushing what is known does no harm, so any number of
// processes may do this. When Redis has lost its data, and now and then anyway, one process hints at every
// tenant. Belongs to one reactor; destroyed after that has ended.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "observability/metrics.hpp"
#include "queue/dispatch.hpp"
#include "queue/hints.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

struct relay_settings {
    unsigned at_once = 4;                            // databases
    std::chrono::milliseconds poll{1'000};           // for hints of others
    std::chrono::milliseconds look_limit{10'000};    // for one look; less than `hidden`
    std::chrono::milliseconds hidden{30'000};        // a look that was cut short begins again after this
    std::chrono::milliseconds failed_most{900'000};  // one that failed too, then after twice that, up to this
    std::chrono::milliseconds second_look{
        30'000};  // what was committed late, and not pushed, is found then …
    std::chrono::milliseconds third_look{120'000};     // … or then, or by the next sweep
    std::chrono::milliseconds suspended{300'000};      // between looks whether a tenant is active again
    std::chrono::milliseconds horizon{600'000};        // what is due later stays in the database until then
    unsigned window = 1'000;                           // jobs of a lane that are read at first …
    unsigned most_window = 16'000;                     // … and at most in one look
    std::chrono::milliseconds reconcile_over{60'000};  // looks at all tenants are spread over this
    std::chrono::milliseconds most_apart{10};          // fewer tenants are looked at sooner
    std::chrono::milliseconds sweep_every{900'000};
    std::chrono::milliseconds round_limit{60'000};  // somebody else does it after this
};

class relay {
public:
    /// All references must outlive it.
    relay(executor where, redis::redis_client& redis, dispatch& to, tenancy::registry& tenants,
          metrics::registry& counts, relay_settings settings = {});
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;

    // On the reactor's thread.

    void start();
    /// Begins nothing any more; a look under way ends with its next step.
    void stop();

    /// A server of this Redis was connected to.
    void meet(const redis::redis_identity& who);

    /// More of this tenant's jobs can be taken now.
    void look_at(const uuid& tenant);

private:
    /// When to look again; nullopt inside: not at all.
    struct plan {
        std::optional<std::chrono::milliseconds> again{};
        unsigned looks_done = 0;
    };
    struct brought {
        bool full = false;  // a lane in Redis is
        bool rest = false;  // jobs that were not read
    };

    awaitable<> serve_hints();
    awaitable<> keep_rounds();
    awaitable<> look(taken_hint what);
    awaitable<plan> look_or_wait(taken_hint what);
    std::chrono::milliseconds note_failure(const uuid& tenant);
    awaitable<result<plan>> visit(taken_hint what);
    awaitable<result<plan>> bring(taken_hint what, postgres::database db);
    awaitable<result<brought>> push_open(uuid tenant, postgres::database db);
    awaitable<> hint_now(uuid tenant);
    awaitable<> note_server(std::string server, std::string who);
    awaitable<result<>> round(hints::round_answer why);
    awaitable<result<>> spread(std::vector<uuid> all, std::chrono::milliseconds apart, unsigned looks_done);
    awaitable<result<>> purge_ended(runtime::deadline limit);
    awaitable<result<std::vector<uuid>>> all_tenants(runtime::deadline limit);

    struct numbers {
        explicit numbers(metrics::registry& in);
        metrics::counter &done, &failed, &skipped;  // looks
        metrics::counter &queued, &known, &full;    // jobs
        metrics::counter &data_lost, &due;          // rounds
        metrics::gauge &late, &hints;
    };

    const executor executor_;
    const hints hints_;
    dispatch& to_;
    tenancy::registry& tenants_;
    numbers numbers_;
    const relay_settings settings_;
    steady_timer signal_;  // of serve_hints
    steady_timer pause_;   // of keep_rounds
    /// Tenants whose latest looks failed: how many, and until when they are left alone.
    struct trouble {
        unsigned times = 0;
        steady_clock::time_point until{};
    };
    std::unordered_map<uuid, trouble> troubled_;
    std::unordered_set<uuid> purged_;  // of those that have ended: Redis had nothing left of them
    unsigned looking_ = 0;
    bool again_ = false;  // somebody wants serve_hints not to wait
    bool stopped_ = false;
};

}  // namespace bulkhead::queue
