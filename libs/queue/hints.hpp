// SPDX-License-Identifier: Apache-2.0
// Which tenants' databases are to be looked at, and when: a list in Redis that all processes share. A hint
// says that a tenant may have jobs that Redis does not know yet. Every function is one script; Redis' clock
// is the only one. Belongs to one reactor.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/uuid.hpp"
#include "persistence/redis/client.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::queue {

/// A job that was hinted at may still be on its way to its commit when a tenant is looked at, so it is looked
/// at again, this often in all.
inline constexpr unsigned looks = 3;

struct hint {
    uuid tenant;
    std::chrono::milliseconds delay{};  // from now
    unsigned looks_done = 0;            // less than `looks`
};

/// A hint whose time has come.
struct taken_hint {
    uuid tenant;
    std::chrono::milliseconds late{};
    unsigned looks_done = 0;
    std::string mark;  // for settle
};

class hints {
public:
    explicit hints(redis::redis_client& redis) : redis_(redis) {}

    /// A tenant that has one already is looked at at the earlier of both times.
    awaitable<result<>> give(std::vector<hint> all) const;

    /// At most `most`, the most overdue first. They come back after `hidden` unless they are settled.
    struct taken {
        std::vector<taken_hint> due;
        std::optional<std::chrono::milliseconds> next{};  // until another one is due; nullopt: there is none
        std::uint64_t known = 0;
    };
    awaitable<result<taken>> take(unsigned most, std::chrono::milliseconds hidden) const;

    /// After the look: when to look again, if ever. A hint that was given meanwhile stays.
    awaitable<result<>> settle(taken_hint what, std::optional<std::chrono::milliseconds> again,
                               unsigned looks_done) const;

    /// Whether all tenants are to be hinted at, by this process: because Redis has lost what it knew, or may
    /// have (it started, another one took over, FLUSHALL), or because `every` has passed since. Whoever is
    /// told so has `busy` time for it, then somebody else is.
    enum class round : std::uint8_t { none, data_lost, due };
    struct round_answer {
        round why = round::none;
        std::string run;  // of Redis, for end_round
    };
    awaitable<result<round_answer>> begin_round(std::chrono::milliseconds busy,
                                                std::chrono::milliseconds every) const;
    awaitable<result<>> end_round(std::string run) const;
    /// A server of this Redis was connected to, which says that it is `who`. If it was another one before, or
    /// is new, the next round is `data_lost`.
    awaitable<result<>> meet(std::string server, std::string who) const;

private:
    redis::redis_client& redis_;
};

}  // namespace bulkhead::queue
