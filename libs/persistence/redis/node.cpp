// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/node.hpp"

#include <utility>

namespace bulkhead::redis {
namespace {

/// Stands in a list of timers for as long as it lives.
struct enlisted {
    std::list<steady_timer*>& list;
    std::list<steady_timer*>::iterator place;

    enlisted(std::list<steady_timer*>& into, steady_timer& timer)
        : list(into), place(into.insert(into.end(), &timer)) {}
    ~enlisted() { list.erase(place); }
    enlisted(const enlisted&) = delete;
    enlisted& operator=(const enlisted&) = delete;
};

}  // namespace

redis_node::redis_node(executor where, redis_endpoint endpoint, redis_keeper_options options,
                       std::size_t max_waiting)
    : redis_keeper(where, std::move(endpoint), std::move(options)), max_waiting_(max_waiting) {}

awaitable<> redis_node::wait_for_change(std::shared_ptr<redis_node> node, steady_clock::time_point end) {
    steady_timer alarm(node->get_executor());
    alarm.expires_at(end);
    const enlisted waiting(node->waiting_, alarm);
    co_await alarm.async_wait(use_tuple);
}

void redis_node::drop(std::string_view why) {
    if (connection()) connection()->close(why);
}

void redis_node::retire() {
    stop();
    stir();
}

void redis_node::adopt(const std::shared_ptr<redis_connection>& connection) {
    link_ = std::make_shared<redis_link>(get_executor(), connection, max_waiting_);
    stir();
}

void redis_node::stir() {
    tried_ = true;
    for (auto* const timer : waiting_) timer->cancel();
}

}  // namespace bulkhead::redis
