// SPDX-License-Identifier: Apache-2.0
#include "storage/sweeper.hpp"

#include <boost/asio/co_spawn.hpp>

#include "observability/log.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::storage {

sweeper::sweeper(executor where, store& files, sweeper_settings settings)
    : executor_(where), files_(files), settings_(settings), timer_(where) {}

void sweeper::start() { net::co_spawn(executor_, run(), or_die); }

void sweeper::stop() {
    stopped_ = true;
    timer_.cancel();
}

awaitable<> sweeper::run() {
    while (!stopped_) {
        const auto swept = co_await files_.sweep(settings_.age);  // the store has told of a failure
        if (swept && *swept > 0) log::info("swept up unfinished files", {{"count", *swept}});
        if (stopped_) co_return;
        timer_.expires_after(settings_.every);
        co_await timer_.async_wait(use_tuple);
    }
}

}  // namespace bulkhead::storage
