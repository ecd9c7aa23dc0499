// SPDX-License-Identifier: Apache-2.0
// A Redis cluster behind the face of redis_client: one pipelined connection per node that serves slots, a map
// of the slots, and commands that follow a slot to where it has gone. Private to redis_client; one thread;
// shared with its own coroutines and the commands under way.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "persistence/redis/node.hpp"
#include "persistence/redis/slots.hpp"
#include "persistence/redis/topology.hpp"

namespace bulkhead::redis {

class redis_cluster : public std::enable_shared_from_this<redis_cluster> {
public:
    /// `options` are those of each node; on_change is told of all of them as one.
    redis_cluster(executor where, redis_endpoint endpoint, redis_keeper_options options,
                  std::size_t max_waiting);

    /// Begins to look for the nodes. Once.
    void start();
    /// Closes, for good.
    void stop();

    /// Every slot has a node, and all these are connected to.
    [[nodiscard]] bool connected() const;

    /// Encoded commands of one slot, in one piece: one reply for each of them, in their order. nullopt: any
    /// node will do. `as_one`: a transaction, which is sent again as a whole or not at all. A slot that has
    /// moved (MOVED, ASK) is followed, one that is on its way (TRYAGAIN, CLUSTERDOWN) is asked for again
    /// until `limit`. Errors as those of redis_client::command.
    static awaitable<result<std::vector<redis_reply>>> ask(std::shared_ptr<redis_cluster> self,
                                                           std::optional<std::uint16_t> slot,
                                                           std::vector<std::string> commands, bool as_one,
                                                           std::chrono::milliseconds limit);

    /// Commands of any slots: a piece for each slot, all at once, and the replies in the order of the
    /// commands. What has no key goes with the first piece. A batch with MULTI is one piece, at the slot of
    /// its first key. Fails as a whole.
    static awaitable<result<std::vector<redis_reply>>> ask_all(std::shared_ptr<redis_cluster> self,
                                                               std::vector<std::vector<std::string>> batch,
                                                               std::chrono::milliseconds limit);

private:
    struct member {
        redis_address at;
        std::shared_ptr<redis_node> node;
        steady_clock::time_point used{};
        bool serves = false;  // slots
    };
    struct gathering;
    using member_ptr = std::shared_ptr<member>;

    static awaitable<> watch(std::shared_ptr<redis_cluster> self);
    static awaitable<> gather(std::shared_ptr<redis_cluster> self, std::shared_ptr<gathering> into,
                              std::size_t piece, std::chrono::milliseconds limit);

    void refresh_soon();
    void apply(const std::vector<slot_range>& ranges);
    /// Null: there are too many.
    member_ptr find_or_add(const redis_address& at);
    [[nodiscard]] member_ptr anybody() const;
    [[nodiscard]] member_ptr target_for(std::optional<std::uint16_t> slot) const;
    member_ptr follow_moved(const redirection& where);
    void node_changed(const redis_address& at, bool up, std::string_view why);
    void tell(bool up, std::string_view why);

    executor executor_;
    redis_endpoint endpoint_;
    redis_keeper_options options_;
    std::size_t max_waiting_;
    redis_topology topology_;
    std::vector<member_ptr> members_;
    std::vector<member_ptr> owners_;  // one for each slot; null: none is known
    steady_timer pause_;
    bool covered_ = false;  // every slot has an owner
    bool whole_ = false;    // what on_change was told last
    bool refresh_wanted_ = false;
    bool resting_ = false;  // until somebody wants a newer map
    bool stopped_ = false;
};

}  // namespace bulkhead::redis
