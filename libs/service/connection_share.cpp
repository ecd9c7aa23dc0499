// SPDX-License-Identifier: Apache-2.0
#include "service/connection_share.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdint>

#include "base/uuid.hpp"
#include "observability/log.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::service {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 500ms;

/// KEYS: the list. ARGV: this process as "<id>/<most>", and the lifetime in ms. A sorted set of processes by
/// the time they were last heard of, by the clock of Redis. Returns how many there are and what they want
/// together.
const redis::script heartbeat(R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local wanted = 0
local living = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, each in ipairs(living) do
  wanted = wanted + (tonumber(string.match(each, '/(%d+)$')) or 0)
end
return {#living, wanted}
)");

}  // namespace

unsigned due_share(const share_settings& settings, unsigned wanted) {
    const auto part = std::uint64_t{settings.room} * settings.most / std::max(wanted, 1u);
    return std::max(settings.least, static_cast<unsigned>(std::min<std::uint64_t>(settings.most, part)));
}

std::size_t part_of_reactor(unsigned connections, std::size_t index, std::size_t count) {
    return std::max<std::size_t>(2, connections / count + (index < connections % count ? 1 : 0));
}

connection_share::connection_share(executor where, redis::redis_client& redis, share_settings settings,
                                   std::function<void(unsigned)> on_change)
    : executor_(where),
      redis_(redis),
      settings_(std::move(settings)),
      on_change_(std::move(on_change)),
      name_(fmt::format("{}/{}", uuid::generate().to_string(), settings_.most)),
      timer_(where),
      current_{.connections = settings_.alone()} {}

void connection_share::start() { net::co_spawn(executor_, run(this), or_die); }

awaitable<void> connection_share::run(connection_share* self) {
    while (!self->stopped_) {
        co_await self->beat();
        if (self->stopped_) break;
        // Redis connects at the same time as we start.
        self->timer_.expires_after(self->current_.processes == 0 ? self->settings_.beat / 20
                                                                 : self->settings_.beat);
        co_await self->timer_.async_wait(use_tuple);
    }
}

awaitable<void> connection_share::beat() {
    std::vector<std::string> keys{settings_.key};
    std::vector<std::string> arguments{name_, std::to_string(settings_.lifetime.count())};
    const auto reply = co_await redis_.run(heartbeat, std::move(keys), std::move(arguments), patience);
    if (!reply || stopped_) co_return;
    const auto* const numbers = reply->elements();
    if (!numbers || numbers->size() != 2) co_return;
    const auto processes = numbers->at(0).integer(), wanted = numbers->at(1).integer();
    if (processes && wanted) take(static_cast<unsigned>(*processes), static_cast<unsigned>(*wanted));
}

/// Gives up at once what others are to have. Grows at once only when all fit anyway; else with the next beat,
/// when the others have heard of the change, too.
void connection_share::take(unsigned processes, unsigned wanted) {
    const auto due = due_share(settings_, wanted);
    const bool grows = due > current_.connections;
    const bool now = !grows || wanted <= settings_.room || may_grow_;
    may_grow_ = grows && !now;
    const auto before = std::exchange(current_, {now ? due : current_.connections, processes, wanted});
    if (before.connections == current_.connections) return;
    log::info("database connections are shared out anew", {{"connections", current_.connections},
                                                           {"before", before.connections},
                                                           {"processes", processes},
                                                           {"wanted_by_all", wanted},
                                                           {"room", settings_.room}});
    on_change_(current_.connections);
}

ops::budget_reason connection_share::reason() const {
    return {.share = current_.connections,
            .most = settings_.most,
            .room = settings_.room,
            .wanted = current_.wanted,
            .processes = current_.processes};
}

void connection_share::leave() {
    net::co_spawn(executor_, withdraw(this), net::use_future).wait_for(patience);
}

awaitable<void> connection_share::withdraw(connection_share* self) {
    self->stopped_ = true;
    self->timer_.cancel();
    std::vector<std::string> command{"ZREM", self->settings_.key, self->name_};
    co_await self->redis_.command(std::move(command), patience);
}

}  // namespace bulkhead::service
