// SPDX-License-Identifier: Apache-2.0
// A Redis cluster of real processes of a test's own: three nodes that share the slots, perhaps a replica of
// the first. They end with the test program however that ends. Blocks; throws std::runtime_error.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "integration/redis_server.hpp"
#include "persistence/redis/slots.hpp"
#include "support/redis_sentinels.hpp"

namespace bulkhead::testing {

class redis_nodes {
public:
    static constexpr auto password = "hush";
    static constexpr std::size_t primaries = 3;

    /// Returns when all nodes agree.
    explicit redis_nodes(bool with_replica = false) {
        for (std::size_t i = 0; i < primaries + (with_replica ? 1 : 0); ++i) add();
        for (std::size_t i = 0; i < primaries; ++i)
            admin(i, {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first_slot[i]),
                      std::to_string(first_slot[i + 1] - 1)});
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            admin(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
        for (std::size_t i = 1; i < nodes_.size(); ++i)
            admin(0, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(i).port()),
                      std::to_string(bus_ports_[i])});
        wait_until_agreed();
        if (!with_replica) return;
        admin(primaries, {"CLUSTER", "REPLICATE", id(0)});
        wait_until("the replica follows", [this] {
            return admin(primaries, {"INFO", "replication"}).find("master_link_status:up") !=
                       std::string::npos &&
                   admin(1, {"CLUSTER", "NODES"}).find("slave " + id(0)) != std::string::npos;
        });
    }

    [[nodiscard]] redis_server& node(std::size_t n) { return *nodes_.at(n); }
    std::string admin(std::size_t n, const redis_server::strings& argv) {
        return node(n).admin(argv, password);
    }
    [[nodiscard]] std::string id(std::size_t n) { return admin(n, {"CLUSTER", "MYID"}); }

    /// Every node that lives takes the cluster for whole.
    void wait_until_agreed() {
        const auto nodes = "cluster_known_nodes:" + std::to_string(nodes_.size()) + "\r";
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            wait_until("node " + std::to_string(i) + " knows the cluster", [&] {
                const auto info = admin(i, {"CLUSTER", "INFO"});
                return info.find("cluster_state:ok") != std::string::npos &&
                       info.find("cluster_slots_ok:16384") != std::string::npos &&
                       info.find(nodes) != std::string::npos;
            });
    }

    /// The node that had the slot at first.
    [[nodiscard]] static std::size_t home_of(std::uint16_t slot) {
        std::size_t n = 0;
        while (slot >= first_slot[n + 1]) ++n;
        return n;
    }

    /// From here on until finish_move, keys of the slot that are not on `from` are asked for at `to`.
    void begin_move(std::uint16_t slot, std::size_t from, std::size_t to) {
        const auto number = std::to_string(slot);
        admin(to, {"CLUSTER", "SETSLOT", number, "IMPORTING", id(from)});
        admin(from, {"CLUSTER", "SETSLOT", number, "MIGRATING", id(to)});
    }
    void move_key(const std::string& key, std::size_t from, std::size_t to) {
        admin(from,
              {"MIGRATE", "127.0.0.1", std::to_string(node(to).port()), key, "0", "10000", "AUTH", password});
    }
    void finish_move(std::uint16_t slot, std::size_t from, std::size_t to) {
        const auto number = std::to_string(slot);
        const auto owner = id(to);
        for (const auto n : {to, from}) admin(n, {"CLUSTER", "SETSLOT", number, "NODE", owner});
        for (std::size_t n = 0; n < primaries; ++n)
            wait_until("the move is known", [&] {
                return n == to || admin(n, {"GET", key_in(slot)}).find(':' + port(to)) != std::string::npos;
            });
    }

    /// Some key of the slot.
    static std::string key_in(std::uint16_t slot) {
        for (int i = 0;; ++i)
            if (auto key = "{" + std::to_string(i) + "}k"; redis::slot_of_key(key) == slot) return key;
    }

    [[nodiscard]] redis::redis_endpoint endpoint() const {
        redis::redis_endpoint out;
        out.password = secret(password);
        for (const auto& each : nodes_) out.seeds.push_back({"127.0.0.1", each->port()});
        return out;
    }

private:
    static constexpr std::array<std::uint16_t, primaries + 1> first_slot{0, 5461, 10923, 16384};

    [[nodiscard]] std::string port(std::size_t n) { return std::to_string(node(n).port()); }

    void add() {
        bus_ports_.push_back(redis_server::free_port());
        nodes_.push_back(std::make_unique<redis_server>(redis_server::strings{
            "--cluster-enabled", "yes", "--cluster-port", std::to_string(bus_ports_.back()),
            "--cluster-node-timeout", "1500", "--cluster-require-full-coverage", "no",
            "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", "--requirepass",
            password, "--masterauth", password}));
    }

    std::vector<std::unique_ptr<redis_server>> nodes_;
    std::vector<std::uint16_t> bus_ports_;
};

}  // namespace bulkhead::testing
