// SPDX-License-Identifier: Apache-2.0
// Counts requests against limits, in Redis for all processes together. Checks that come up while a call to
// Redis is under way go together with the next one; where none is, a check is sent at once. Who is far from
// every limit does not wait (credit.hpp). A request never
// fails and never waits long because of Redis: while that is away or slow, the process counts for itself.
// Belongs to one reactor.
#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "observability/metrics.hpp"
#include "persistence/redis/client.hpp"
#include "ratelimit/credit.hpp"
#include "ratelimit/local_counts.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::ratelimit {

/// What the limiters of all reactors share. Safe from any thread; outlives them.
class fallback {
public:
    explicit fallback(metrics::registry& numbers);

    local_counts counts;

    /// A limiter has lost Redis, for a reason that is logged when it is the first one; or has found it again.
    void lost(std::string_view why);
    void found();

private:
    std::atomic<unsigned> without_redis_ = 0;  // limiters
};

class limiter {
public:
    static constexpr milliseconds usual_patience{100};

    /// All references must outlive it. `patience`: how long a request waits for Redis at most.
    limiter(executor where, redis::redis_client& shared, fallback& local, metrics::registry& numbers,
            milliseconds patience = usual_patience);
    limiter(const limiter&) = delete;
    limiter& operator=(const limiter&) = delete;

    /// Counts a request for all of `of`, or for none. Every policy in it has windows, and none of count 0.
    /// `of` outlives the call.
    awaitable<standing> check(const subjects& of);

    /// How much is counted in the first window of a subject now, rounded up.
    awaitable<std::int64_t> counted(subject of);

private:
    struct call;

    std::shared_ptr<call> join(const subjects& of, std::size_t& place);
    [[nodiscard]] bool usable();
    void begin_to_send();
    awaitable<> send();
    std::shared_ptr<call> next_call();
    void settle(const call& done);
    bool take_answer(call& done, const result<redis::redis_reply>& reply);
    void note(bool served, std::string_view why);
    standing check_here(const subjects& of);

    executor executor_;
    redis::redis_client& shared_;
    fallback& local_;
    const milliseconds patience_;
    metrics::counter& checks_shared_;
    metrics::counter& checks_local_;
    credit credit_;
    std::deque<std::shared_ptr<call>> waiting_;  // not sent yet
    steady_timer pause_;                         // of what is owed, until somebody waits
    bool sending_ = false;
    bool late_ = false;  // what has been sent should have been answered by now
    bool away_ = false;  // as `local_` knows it
};

}  // namespace bulkhead::ratelimit
