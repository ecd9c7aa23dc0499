// SPDX-License-Identifier: Apache-2.0
// How the queue's scripts are spoken to: what they take as packed bytes (libs/queue/scripts tell the layouts)
// and what they give, checked before it is believed. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/redis/reply.hpp"
#include "queue/dispatch.hpp"

namespace bulkhead::queue::wire {

/// The 16 bytes by which Redis knows a job or a tenant.
[[nodiscard]] std::string id_bytes(const uuid& id);
[[nodiscard]] std::optional<uuid> read_id(std::string_view bytes) noexcept;

/// The 8 bytes that stand for an owner in a job.
[[nodiscard]] std::string owner_tag(std::string_view owner);

/// errc::validation_failed: too long, or not a kind.
[[nodiscard]] result<> check_ticket(const ticket& one);
[[nodiscard]] std::string pack_ticket(const ticket& one);
[[nodiscard]] std::string pack_settlement(const settlement& one);
[[nodiscard]] std::string pack_progress(const job_progress& one);

/// A job as it is stored, about to run. `now`: of Redis, ms since 1970. nullopt: it cannot be one.
[[nodiscard]] std::optional<delivery> read_job(std::string_view id, std::string_view job, place from,
                                               std::int64_t now);

// What the scripts give; nullopt: it cannot be that.
[[nodiscard]] std::optional<std::vector<push_outcome>> read_push(const redis::redis_reply& reply,
                                                                 std::size_t tickets);
[[nodiscard]] std::optional<dispatch::turn> read_turn(const redis::redis_reply& reply, place from);
[[nodiscard]] std::optional<beat_news> read_beat(const redis::redis_reply& reply);
[[nodiscard]] std::optional<dispatch::reaped> read_reap(const redis::redis_reply& reply, place from);
[[nodiscard]] std::optional<cancel_outcome> read_cancel(const redis::redis_reply& reply);
[[nodiscard]] std::optional<dispatch::numbers> read_count(const redis::redis_reply& reply);
[[nodiscard]] std::optional<dispatch::explanation> read_explain(const redis::redis_reply& reply);

/// Of a script that has to be called again until there is no next step.
struct progress {
    std::uint64_t done = 0;
    std::vector<std::string> lines{};
    unsigned next_step = 0;
    std::string cursor{};
};
[[nodiscard]] std::optional<progress> read_purge(const redis::redis_reply& reply);
[[nodiscard]] std::optional<progress> read_check(const redis::redis_reply& reply);

}  // namespace bulkhead::queue::wire
