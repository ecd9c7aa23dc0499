// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/topology.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::redis {
namespace {

constexpr std::size_t most_nodes = 1000;  // as many as a cluster may have

std::string complain_about_slots(const redis_reply& reply) {
    if (const auto* refusal = reply.error()) return "refused CLUSTER SLOTS: " + refusal->message;
    return read_slots(reply, {}).empty() ? "knows of no node that serves a slot" : "";
}

}  // namespace

redis_topology::redis_topology(executor where, const redis_endpoint& cluster, redis_connection_limits limits)
    : inquiry_(where, cluster, limits), seeds_(cluster.seeds) {}

awaitable<std::expected<std::vector<slot_range>, std::string>> redis_topology::ask() {
    std::vector<std::string> question{"CLUSTER", "SLOTS"};
    auto answer = co_await inquiry_.ask(candidates(), std::move(question), complain_about_slots);
    if (!answer) co_return std::unexpected("the cluster is not found: " + answer.error());
    auto ranges = read_slots(answer->reply, answer->of);
    learn(ranges);
    co_return ranges;
}

std::vector<redis_address> redis_topology::candidates() {
    auto out = known_;
    if (!out.empty()) std::ranges::rotate(out, out.begin() + static_cast<std::ptrdiff_t>(turn_ % out.size()));
    auto seeds = seeds_;
    std::ranges::rotate(seeds, seeds.begin() + static_cast<std::ptrdiff_t>(turn_ % seeds.size()));
    ++turn_;
    for (auto& seed : seeds)
        if (std::ranges::find(out, seed) == out.end()) out.push_back(std::move(seed));
    return out;
}

void redis_topology::learn(const std::vector<slot_range>& ranges) {
    known_.clear();
    const auto add = [this](const redis_address& node) {
        if (known_.size() < most_nodes && std::ranges::find(known_, node) == known_.end())
            known_.push_back(node);
    };
    for (const auto& range : ranges) {
        add(range.primary);
        std::ranges::for_each(range.replicas, add);
    }
}

}  // namespace bulkhead::redis
