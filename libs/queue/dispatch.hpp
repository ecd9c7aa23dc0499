// SPDX-License-Identifier: Apache-2.0
// The part of the queue that lives in Redis: who is next. Every function is one script (libs/queue/scripts),
// so it happens wholly or not at all, however many processes call. Redis' clock is the only one. What Redis
// knows of a job in a database are ids and a few words; losing all of it loses nothing, see relay.hpp.
// Belongs to one reactor.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/uuid.hpp"
#include "persistence/redis/client.hpp"
#include "queue/kind.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::queue {

/// All jobs of a tenant in a lane are in one shard: one slot of a cluster, and the unit that a call looks at.
struct place {
    queue::lane lane = queue::lane::normal;
    unsigned shard = 0;
    friend auto operator<=>(const place&, const place&) = default;
};
[[nodiscard]] unsigned shard_of(const uuid& tenant, unsigned shards) noexcept;
/// "bh:q:{default.0}:", what all keys of a place begin with. The key that ends with "wake" is for BZPOPMIN:
/// its lowest score is 0 while something can begin, else when a job that was pushed is due (ms since 1970),
/// which is earlier than those who fetched before could know. Who takes it fetches; the next one is woken
/// then.
[[nodiscard]] std::string key_base(place where);

/// What Redis is told of a job.
struct ticket {
    uuid tenant;
    uuid id;
    std::string kind;
    queue::lane lane = queue::lane::normal;
    queue::priority priority = queue::priority::normal;
    std::chrono::milliseconds delay{0};  // from now
    // Only for jobs that are kept nowhere else:
    std::optional<std::string> payload{};
    std::string unique_key{};
    unsigned most_attempts = 0;
};

enum class push_outcome : std::uint8_t {
    queued,
    known,       // this id is here already
    not_unique,  // another job has its unique key
    full,        // as many of the tenant's jobs wait here as may: the rest waits in its database
};

/// A job that was handed to a process, under a lease.
struct delivery {
    uuid tenant;
    uuid id;
    place from;
    std::string kind;
    queue::priority priority = queue::priority::normal;
    unsigned attempt = 1;  // of a job without a row
    unsigned most_attempts = 0;
    unsigned lost = 0;                   // leases that ran out with it, one after the other
    bool unwanted = false;               // it was to be cancelled when a worker had it before
    std::chrono::milliseconds waited{};  // since it could have begun
    std::optional<std::string> payload{};
};

/// What became of a delivery.
struct settlement {
    enum class verdict : std::uint8_t {
        done,     // also failed for good and cancelled, when the row says so
        later,    // again after `delay`: a failure, or not ready
        release,  // at once, at the head of its line; the attempt does not count
        dead,     // a job without a row has failed for good
    };
    uuid tenant;
    uuid id;
    verdict what = verdict::done;
    std::chrono::microseconds took{};  // what the tenant is charged for
    std::chrono::milliseconds delay{};
    bool counts = true;    // `later`: as an attempt, for jobs without a row
    bool ran = false;      // its handler has ended: it is none of those that take workers down
    std::string reason{};  // `dead`, `later`
};

struct fetch_wish {
    unsigned most = 1;
    std::chrono::milliseconds lease{15'000};
    std::string owner{};                          // of the leases: this process' name, new at every start
    std::chrono::microseconds usual_cost{5'000};  // of a run, where nothing is known of the tenant's
    /// Runs of this lane that this process can have at a time, borrowed slots included. Redis adds up what
    /// all processes say, and a tenant without a cap of its own gets at most four fifths of it, so that
    /// somebody else can always start. 0: not said; while nobody says it, there is no such cap.
    unsigned slots = 0;
};

/// What a heartbeat learns.
struct beat_news {
    std::vector<uuid> lost;       // another process may run these by now
    std::vector<uuid> cancelled;  // somebody wants these to end
};

struct job_progress {
    uuid tenant;
    uuid id;
    std::optional<unsigned> percent{};
    std::string note{};
};

struct tenant_rules {
    double weight = 1.0;                     // 0.01 to 100: its part of the workers' time, against others'
    std::optional<unsigned> most_running{};  // at a time
    std::optional<double> per_second{};      // starts, on average …
    unsigned burst = 1;                      // … and at once
    // In Redis, of those that could begin, and as many again whose time has not come:
    unsigned most_waiting = 1'000;  // so that a job in a database gets in …
    unsigned most_kept = 100'000;   // … and one that is kept in Redis; both kinds count
    friend bool operator==(const tenant_rules&, const tenant_rules&) = default;
};

/// Leases of a job that may run out with it; then nobody runs it any more.
inline constexpr unsigned most_lost = 3;

enum class cancel_outcome : std::uint8_t { gone, unknown, running };

enum class dispatch_script : std::uint8_t;

class dispatch {
public:
    /// `shards`: the same in all processes that share this Redis. `patience`: how late an answer may be; then
    /// the connection is given up, see redis_client.
    dispatch(redis::redis_client& redis, unsigned shards,
             std::chrono::milliseconds patience = redis::usual_limit);

    [[nodiscard]] unsigned shards() const noexcept { return shards_; }
    [[nodiscard]] place place_of(const uuid& tenant, lane which) const noexcept {
        return {which, shard_of(tenant, shards_)};
    }

    /// One outcome per ticket, in order. One call per place, cut at 1 MiB. An error: some may be there; push
    /// them again, that does no harm. Longer than Redis keeps (full) is not an error.
    awaitable<result<std::vector<push_outcome>>> push(std::vector<ticket> all);

    /// What a worker gets.
    struct turn {
        std::vector<delivery> deliveries;
        unsigned stale = 0;             // settlements of lost leases
        std::vector<uuid> want_more{};  // tenants of which more waits in the database than here
        /// Until something is due here that nobody will be woken for: ask again then. nullopt: nothing.
        std::optional<std::chrono::milliseconds> next{};
    };

    /// The next jobs of a place, at most 100, fairest tenant first; also moves what is due and expired rate
    /// limits.
    awaitable<result<turn>> fetch(place where, fetch_wish wish);

    /// Settles and fetches in one round trip (in several, above 100 settlements). Settlements of deliveries
    /// that `wish.owner` has no lease of any more change nothing. Redis then has `wake` in the place's keys
    /// while more could begin: see key_base.
    awaitable<result<turn>> settle(place where, std::vector<settlement> settled, fetch_wish wish);

    /// Prolongs the leases that `owner` still has of these.
    awaitable<result<beat_news>> beat(place where, std::string owner, std::chrono::milliseconds lease,
                                      std::vector<job_progress> jobs);

    /// Takes back at most `most` leases that ran out: the jobs go to the head of their lines, `lost` grows.
    /// Those that were lost twice and more are delayed, so that they run apart from each other. One without a
    /// row that was lost more often than most_lost is among the dead now, and in `poison`; one with a row is
    /// handed out once more, for whoever gets it to write that down. Any process may call it at any time.
    /// Also tells `owner`, once, which of the jobs that it runs somebody wants to end.
    struct reaped {
        unsigned returned = 0;
        std::vector<delivery> poison;
        std::vector<uuid> cancelled{};
    };
    awaitable<result<reaped>> reap(place where, std::string owner = {}, unsigned most = 100);

    /// gone: it will not run. running: its worker hears of it when it reaps or beats next. unknown: not here.
    /// `row_waits`: the job's row is not at its end, since it says that the job runs; if nobody has it, it is
    /// handed out as unwanted (`running` too), so that whoever gets it ends the row.
    awaitable<result<cancel_outcome>> cancel(uuid tenant, lane which, uuid id, bool row_waits = false);

    awaitable<result<>> set_rules(uuid tenant, lane which, tenant_rules rules);

    /// Forgets all of a tenant's jobs, running ones too: they settle into nothing. `again`: this was done
    /// before, and costs next to nothing when no job was pushed since.
    awaitable<result<std::size_t>> purge(uuid tenant, bool again = false);

    /// What `jobs stats` and metrics show.
    struct numbers {
        std::uint64_t waiting = 0, delayed = 0, running = 0, dead = 0, tenants = 0, parked = 0;
        std::chrono::milliseconds oldest{};  // how long the longest-waiting runnable job has waited, about
    };
    awaitable<result<numbers>> count(place where);

    /// Why a job does not run: in words' parts, for `jobs explain`.
    struct explanation {
        std::string state;           // "waiting", "delayed", "running", "dead", "unknown"
        std::uint64_t position = 0;  // of those of its tenant that wait, from 1
        std::uint64_t tenants_ahead = 0;
        std::string parked;  // "", "rate", "cap"
        std::chrono::milliseconds until{};
        std::optional<unsigned> percent{};
        std::string note{};
    };
    awaitable<result<explanation>> explain(uuid tenant, lane which, uuid id);

    /// Looks for what contradicts itself in a place and, if told so, repairs it. One line for each finding.
    awaitable<result<std::vector<std::string>>> check(place where, bool repair);

private:
    struct said_slots {
        unsigned slots = 0;
        std::string owner{};
        steady_clock::time_point at{};
    };

    unsigned slots_to_say(place where, const fetch_wish& wish);
    awaitable<result<redis::redis_reply>> run(dispatch_script which, place where,
                                              std::vector<std::string> arguments) const;

    redis::redis_client& redis_;
    const unsigned shards_;
    const std::chrono::milliseconds patience_;
    std::map<place, said_slots> slots_said_;
};

}  // namespace bulkhead::queue
