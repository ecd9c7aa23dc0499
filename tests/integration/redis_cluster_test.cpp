// SPDX-License-Identifier: Apache-2.0
// The client with a real cluster: slots that move under way, and nodes that are killed.
#include "persistence/redis/slots.hpp"
#include "persistence/redis/waiter.hpp"
#include "redis_fixture.hpp"
#include "support/redis_nodes.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

redis_nodes& shared_nodes() {
    static redis_nodes instance;
    return instance;
}

/// The key and its slot, at home on the n-th node.
std::string key_at(std::size_t node, const std::string& name) {
    for (int i = 0;; ++i) {
        auto key = "{" + name + std::to_string(i) + "}";
        if (redis_nodes::home_of(slot_of_key(key)) == node) return key;
    }
}

/// How often the node has sent somebody elsewhere with this word.
int refusals(redis_nodes& nodes, std::size_t node, const std::string& word) {
    const auto info = nodes.admin(node, {"INFO", "errorstats"});
    const auto name = "errorstat_" + word + ":count=";
    const auto at = info.find(name);
    return at == std::string::npos ? 0 : std::stoi(info.substr(at + name.size()));
}

const script pair_script("return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}");

}  // namespace

TEST_CASE("redis cluster: keys go to the nodes that have them, and batches to all of them", "[integration]") {
    auto& nodes = shared_nodes();
    redis_fixture f(nodes.endpoint());
    REQUIRE(f.run_until_connected());
    std::vector<int> moved_before;
    for (std::size_t n = 0; n < 3; ++n) moved_before.push_back(refusals(nodes, n, "MOVED"));

    std::vector<std::vector<std::string>> writes, reads;
    for (int i = 0; i < 300; ++i) {
        writes.push_back({"SET", "k" + std::to_string(i), std::to_string(i)});
        reads.push_back({"GET", "k" + std::to_string(i)});
    }
    reads.insert(reads.begin() + 7, {"TIME"});
    REQUIRE(f.wait(f.client.commands(std::move(writes), 20s)).has_value());
    const auto replies = f.wait(f.client.commands(std::move(reads), 20s));
    REQUIRE(replies.has_value());
    REQUIRE(replies->size() == 301);
    CHECK((*replies)[7].elements());
    for (int i = 0; i < 300; ++i)
        CHECK((*replies)[static_cast<std::size_t>(i < 7 ? i : i + 1)].text() == std::to_string(i));
    for (std::size_t n = 0; n < 3; ++n) {
        CHECK(std::stoi(nodes.admin(n, {"DBSIZE"})) > 50);
        CHECK(refusals(nodes, n, "MOVED") == moved_before[n]);
    }

    CHECK(f.ask({"PING"})->text() == "PONG");
    const auto tagged =
        f.wait(f.client.commands({{"MULTI"}, {"SET", "{t}a", "1"}, {"INCR", "{t}a"}, {"EXEC"}}, 10s));
    REQUIRE(tagged.has_value());
    REQUIRE(tagged->back().elements());
    CHECK(tagged->back().elements()->at(1).integer() == 2);
    CHECK(f.ask({"MGET", "a", "b"}).error().code == errc::internal);  // two slots
    for (int round = 0; round < 2; ++round)
        for (std::size_t n = 0; n < 3; ++n) {
            const auto key = key_at(n, "script");
            REQUIRE(f.ask({"SET", key, std::to_string(n)}).has_value());
            const auto pair = f.wait(f.client.run(pair_script, {key, key}, {}, 10s));
            REQUIRE(pair.has_value());
            CHECK(pair->elements()->at(1).text() == std::to_string(n));
            if (round == 0) nodes.admin(n, {"SCRIPT", "FLUSH"});
        }
    CHECK(f.changes == std::vector<std::string>{"up: connected to all nodes"});
}

TEST_CASE("redis cluster: a slot that moves is followed", "[integration]") {
    auto& nodes = shared_nodes();
    redis_fixture f(nodes.endpoint());
    REQUIRE(f.run_until_connected());
    const auto base = key_at(1, "moving");
    const auto slot = slot_of_key(base);
    const auto here = base + "here", there = base + "there", fresh = base + "new";
    REQUIRE(f.ask({"SET", here, "1"}).has_value());
    REQUIRE(f.ask({"SET", there, "2"}).has_value());
    const auto asked = refusals(nodes, 1, "ASK");

    nodes.begin_move(slot, 1, 2);
    nodes.move_key(there, 1, 2);
    CHECK(f.ask({"GET", here})->text() == "1");
    CHECK(f.ask({"GET", there})->text() == "2");
    CHECK(f.ask({"SET", fresh, "3"}).has_value());
    CHECK(refusals(nodes, 1, "ASK") == asked + 2);
    const auto mixed =
        f.wait(f.client.commands({{"GET", there}, {"GET", here}, {"GET", "elsewhere"}, {"GET", fresh}}, 10s));
    REQUIRE(mixed.has_value());
    CHECK(mixed->at(0).text() == "2");
    CHECK(mixed->at(1).text() == "1");
    CHECK(mixed->at(2).is_nil());
    CHECK(mixed->at(3).text() == "3");

    // Both keys at once can be had nowhere until the move is over.
    const auto late = f.wait(f.client.run(pair_script, {here, there}, {}, 500ms));
    REQUIRE_FALSE(late);
    if (late.error().code != errc::unavailable)  // a node had no time for us
        CHECK(late.error().code == errc::deadline_exceeded);
    REQUIRE(f.run_until_connected());
    const auto both = f.begin(f.client.run(pair_script, {here, there}, {}, 30s));
    const auto tries = refusals(nodes, 1, "TRYAGAIN");
    REQUIRE(f.run_until([&] { return refusals(nodes, 1, "TRYAGAIN") > tries; }));
    CHECK_FALSE(both->has_value());
    nodes.move_key(here, 1, 2);
    REQUIRE(f.run_until([&] { return both->has_value(); }));
    REQUIRE(both->value());
    CHECK(both->value()->elements()->at(0).text() == "1");

    nodes.finish_move(slot, 1, 2);
    const auto moved = refusals(nodes, 1, "MOVED");
    std::vector<redis_fixture::answer> slots;
    for (int i = 0; i < 100; ++i) slots.push_back(f.begin({"INCR", here}));
    for (int i = 0; i < 100; ++i) {
        REQUIRE(f.run_until([&] { return slots[static_cast<std::size_t>(i)]->has_value(); }));
        REQUIRE(slots[static_cast<std::size_t>(i)]->value());
        CHECK(slots[static_cast<std::size_t>(i)]->value()->integer() == i + 2);
    }
    CHECK(refusals(nodes, 1, "MOVED") <= moved + 100);
    const auto learnt = refusals(nodes, 1, "MOVED");
    CHECK(f.ask({"GET", there})->text() == "2");
    const auto whole = f.wait(f.client.commands({{"MULTI"}, {"GET", here}, {"EXEC"}}, 10s));
    REQUIRE(whole.has_value());
    CHECK(whole->back().elements());
    CHECK(refusals(nodes, 1, "MOVED") == learnt);

    // A client that still has the old map, with a transaction.
    nodes.begin_move(slot, 2, 1);
    for (const auto& key : {here, there, fresh}) nodes.move_key(key, 2, 1);
    nodes.finish_move(slot, 2, 1);
    const auto home = f.wait(f.client.commands({{"MULTI"}, {"GET", there}, {"EXEC"}}, 10s));
    REQUIRE(home.has_value());
    REQUIRE(home->back().elements());
    CHECK(home->back().elements()->at(0).text() == "2");
}

TEST_CASE("redis cluster: the keys of a killed node are away, the others are not", "[integration]") {
    redis_nodes nodes(true);
    std::vector<redis_identity> identities;
    redis_client_options options;
    options.on_identity = [&](const redis_identity& who) { identities.push_back(who); };
    redis_fixture f(nodes.endpoint(), std::move(options));
    REQUIRE(f.run_until_connected());
    CHECK(identities.size() == 3);
    std::vector<std::string> keys;
    for (std::size_t n = 0; n < 3; ++n) keys.push_back(key_at(n, "kill"));
    for (const auto& key : keys) REQUIRE(f.ask({"SET", key, "1"}).has_value());

    nodes.node(1).kill();
    REQUIRE(f.run_until([&] { return !f.client.connected(); }));
    for (int round = 0; round < 5; ++round) {
        const auto start = steady_clock::now();
        CHECK(f.ask({"GET", keys[1]}, 5s).error().code == errc::unavailable);
        CHECK(steady_clock::now() - start < 2s);
        CHECK(f.ask({"INCR", keys[0]}).has_value());
        CHECK(f.ask({"INCR", keys[2]}).has_value());
        CHECK(f.ask({"PING"}).has_value());
    }
    CHECK(f.wait(f.client.commands({{"GET", keys[0]}, {"GET", keys[1]}}, 1s)).error().code ==
          errc::unavailable);
    const auto dead = "down: " + to_text({"127.0.0.1", nodes.node(1).port()}) + ": ";
    CHECK(f.changes.back().starts_with(dead));

    nodes.node(1).start();
    REQUIRE(f.run_until([&] { return f.ask({"SET", keys[1], "2"}).has_value(); }, 60s));
    CHECK(f.changes.back() == "up: connected to all nodes");
    CHECK(identities.size() >= 4);

    // The first one has a replica, which takes its place.
    nodes.wait_until_agreed();
    REQUIRE(f.run_until([&] {
        const auto copies = nodes.node(0).admin({"INFO", "replication"}, redis_nodes::password);
        return copies.find("connected_slaves:1") != std::string::npos;
    }));
    nodes.node(0).kill();
    REQUIRE(f.run_until([&] { return f.ask({"GET", keys[0]}).has_value(); }, 60s));
    CHECK(f.ask({"INCR", keys[0]})->integer() == 7);
    CHECK(f.ask({"INCR", keys[2]}).has_value());
}

TEST_CASE("redis cluster: seeds that are gone, and servers that are no cluster", "[integration]") {
    auto& nodes = shared_nodes();
    auto endpoint = nodes.endpoint();
    endpoint.seeds = {{"127.0.0.1", redis_server::free_port()}, endpoint.seeds.back()};
    redis_fixture f(std::move(endpoint));
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"SET", key_at(0, "seed"), "1"}).has_value());

    redis_server single;
    redis_endpoint wrong;
    wrong.seeds = {{"127.0.0.1", single.port()}};
    redis_fixture g(std::move(wrong));
    REQUIRE(g.run_until([&] { return !g.changes.empty(); }));
    CHECK(g.changes[0].find("refused CLUSTER SLOTS: ERR This instance has cluster support disabled") !=
          std::string::npos);
    CHECK(g.ask({"GET", "a"}).error().code == errc::unavailable);
}

TEST_CASE("redis cluster: a waiter blocks at every slot, and follows them", "[integration]") {
    auto& nodes = shared_nodes();
    redis_fixture f(nodes.endpoint());
    REQUIRE(f.run_until_connected());
    const auto first = key_at(0, "wait"), second = key_at(1, "wait");
    waiter sleeper(f.context.get_executor(), nodes.endpoint(), {first, second, first + "more"});
    sleeper.start();
    REQUIRE(f.run_until([&] { return sleeper.connected(); }));
    for (const auto& key : {second, first, first + "more", second}) {
        const auto awake = f.begin(sleeper.pop(30s));
        REQUIRE(f.ask({"ZADD", key, "1.5", "m"}).has_value());
        REQUIRE(f.run_until([&] { return awake->has_value(); }));
        REQUIRE(awake->value());
        REQUIRE(awake->value().value());
        CHECK(awake->value().value()->key == key);
        CHECK(awake->value().value()->score == 1.5);
    }
    // Blocked while the slot moves away.
    const auto slot = slot_of_key(second);
    const auto awake = f.begin(sleeper.pop(60s));
    nodes.begin_move(slot, 1, 0);
    nodes.finish_move(slot, 1, 0);
    REQUIRE(f.ask({"ZADD", second, "1", "moved"}).has_value());
    REQUIRE(f.run_until([&] { return awake->has_value(); }, 60s));
    if (!awake->value()) {  // the connection was lost first, which is told
        CHECK(awake->value().error().code == errc::unavailable);
        const auto again = f.wait(sleeper.pop(30s));
        REQUIRE(again);
        REQUIRE(*again);
        CHECK((*again)->member == "moved");
    } else {
        REQUIRE(awake->value().value());
        CHECK(awake->value().value()->member == "moved");
    }
    nodes.begin_move(slot, 0, 1);
    nodes.finish_move(slot, 0, 1);
    sleeper.stop();
}
