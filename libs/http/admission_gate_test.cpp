// SPDX-License-Identifier: Apache-2.0
// The gate without sockets: single steps with a clock of the test's own, then thousands of random lives, then
// clients and a database in simulated time.
#include "http/admission_gate.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead::http;
using namespace std::chrono_literals;
using verdict = admission_verdict;
using arrival = admission_gate::arrival;
using time_point = admission_gate::clock::time_point;

namespace {

gate_settings fixed(std::size_t limit) {
    gate_settings out;
    out.limit = {.least = limit, .most = limit, .initial = limit};
    out.patience = 100ms;
    return out;
}

struct guest {
    guest() {
        visitor.told = [this](verdict v) {
            REQUIRE_FALSE(said.has_value());
            said = v;
        };
    }
    std::optional<verdict> said{};
    admission_gate::visitor visitor{};
};

constexpr auto no_end = time_point::max();

}  // namespace

TEST_CASE("admission gate: a burst is served in its order", "[admission]") {
    admission_gate gate(fixed(1));
    time_point now{1h};
    guest first, second, third;
    REQUIRE(gate.arrive(first.visitor, 0, no_end, now) == arrival::admitted);
    REQUIRE(gate.arrive(second.visitor, 0, no_end, now + 1ms) == arrival::waits);
    REQUIRE(gate.arrive(third.visitor, 0, no_end, now + 2ms) == arrival::waits);
    REQUIRE(gate.in_flight() == 1);
    REQUIRE(gate.waiting() == 2);
    gate.leave(first.visitor, now + 3ms, true);
    REQUIRE(second.said == verdict::admitted);
    REQUIRE_FALSE(third.said);
    gate.leave(second.visitor, now + 4ms, true);
    REQUIRE(third.said == verdict::admitted);
}

TEST_CASE("admission gate: who has waited too long is refused, and not before", "[admission]") {
    admission_gate gate(fixed(1));
    time_point now{1h};
    guest serving, patient, hurried;
    gate.arrive(serving.visitor, 0, no_end, now);
    gate.arrive(patient.visitor, 0, no_end, now);
    gate.arrive(hurried.visitor, 0, now + 50ms, now);
    gate.tick(now + 49ms, false);
    REQUIRE_FALSE(hurried.said);
    gate.tick(now + 60ms, false);
    REQUIRE(hurried.said == verdict::late);
    REQUIRE_FALSE(patient.said);
    gate.tick(now + 100ms, false);
    REQUIRE(patient.said == verdict::waited);
    REQUIRE(gate.waiting() == 0);
    guest dead;
    REQUIRE(gate.arrive(dead.visitor, 0, now, now) == arrival::late);
}

TEST_CASE("admission gate: when queues stay long only the newest are served", "[admission]") {
    admission_gate gate(fixed(1));
    time_point now{1h};
    auto serving = std::make_unique<guest>();
    gate.arrive(serving->visitor, 0, no_end, now);
    std::deque<std::unique_ptr<guest>> line;
    for (int i = 0; i < 30; ++i, now += 10ms) {  // one every 10 ms, none served: a standing queue
        line.push_back(std::make_unique<guest>());
        gate.arrive(line.back()->visitor, 0, no_end, now);
        gate.tick(now, false);
    }
    REQUIRE(gate.congested(now));
    // The newest has waited for 10 ms: much longer than what is served takes.
    gate.leave(serving->visitor, now, true);
    REQUIRE_FALSE(line.back()->said);
    guest fresh, old, young;
    REQUIRE(gate.arrive(fresh.visitor, 0, no_end, now) == arrival::admitted);
    REQUIRE(gate.arrive(old.visitor, 0, no_end, now) == arrival::waits);
    REQUIRE(gate.arrive(young.visitor, 0, no_end, now) == arrival::waits);
    gate.leave(fresh.visitor, now + 1ms, true);
    REQUIRE(young.said == verdict::admitted);
    REQUIRE_FALSE(old.said);
    // Once they have all been told the queue is gone, and a burst is welcome again.
    gate.tick(now + 200ms, false);
    REQUIRE(gate.waiting() == 0);
    REQUIRE_FALSE(gate.congested(now + 200ms));
    REQUIRE(std::ranges::all_of(line, [](const auto& each) { return each->said == verdict::waited; }));
}

TEST_CASE("admission gate: the line is bounded, in requests and in bytes", "[admission]") {
    auto settings = fixed(1);
    settings.most_waiting = 2;
    settings.most_bytes = 100;
    admission_gate gate(settings);
    const time_point now{1h};
    guest serving, small, large, third, fourth;
    REQUIRE_FALSE(gate.full(1000));  // it would not have to wait
    gate.arrive(serving.visitor, 1000, no_end, now);
    REQUIRE(gate.arrive(small.visitor, 60, no_end, now) == arrival::waits);
    REQUIRE(gate.full(50));
    REQUIRE(gate.arrive(large.visitor, 50, no_end, now) == arrival::full);
    REQUIRE_FALSE(gate.full(40));
    REQUIRE(gate.arrive(third.visitor, 40, no_end, now) == arrival::waits);
    REQUIRE(gate.arrive(fourth.visitor, 0, no_end, now) == arrival::full);
    REQUIRE(gate.full(0));
}

TEST_CASE("admission gate: what hangs does not keep others out, within bounds", "[admission]") {
    auto settings = fixed(2);
    settings.most_slow = 3;
    admission_gate gate(settings);
    time_point now{1h};
    std::vector<std::unique_ptr<guest>> hanging;
    for (int i = 0; i < 20; ++i, now += 300ms) {
        hanging.push_back(std::make_unique<guest>());
        gate.arrive(hanging.back()->visitor, 0, no_end, now);
        gate.tick(now, false);
    }
    REQUIRE(gate.in_flight() == 5);
    for (auto& each : hanging) gate.leave(each->visitor, now, true);
    REQUIRE(gate.in_flight() == 0);
}

TEST_CASE("admission gate: who goes away has left, and so has who outlives the gate", "[admission]") {
    std::optional<admission_gate> gate(fixed(1));
    const time_point now{1h};
    guest survivor_inside, survivor_waiting;
    {
        guest inside, waiting;
        gate->arrive(inside.visitor, 0, no_end, now);
        gate->arrive(waiting.visitor, 10, no_end, now);
    }
    REQUIRE(gate->in_flight() == 0);
    REQUIRE(gate->waiting() == 0);
    gate->arrive(survivor_inside.visitor, 0, no_end, now);
    gate->arrive(survivor_waiting.visitor, 0, no_end, now);
    gate.reset();
    REQUIRE_FALSE(survivor_waiting.said);
    REQUIRE_FALSE(survivor_inside.visitor.in_service());
}

TEST_CASE("admission limit: grows while it is used and nothing becomes slower", "[admission]") {
    admission_limit limit({.least = 4, .most = 64, .initial = 8, .tolerance = 2, .floor = 100us});
    time_point now{1h};
    const auto windows = [&](int count, std::chrono::nanoseconds took, std::size_t together,
                             bool lagging = false) {
        for (int i = 0; i < count; ++i) {
            for (int k = 0; k < 20; ++k) limit.observe(took, together, together <= 4);
            limit.update(now += 100ms, lagging);
        }
        return limit.value();
    };
    REQUIRE(windows(30, 1ms, 2) == 8);  // idle: nothing is known about more
    REQUIRE(limit.target() == 2ms);
    REQUIRE(windows(30, 1ms, 7) > 8);
    REQUIRE(windows(30, 1900us, 60) == 64);
    const auto cut = windows(1, 4ms, 60);
    REQUIRE(cut < 64);
    REQUIRE(cut >= 44);
    REQUIRE(windows(30, 4ms, 60) == 4);  // the database has become slow for all
    // At its least everything is quiet: the new pace becomes the measure.
    REQUIRE(windows(60, 4ms, 3) >= 4);
    REQUIRE(limit.target() > 7ms);
    REQUIRE(windows(30, 4ms, 40) == 64);
    REQUIRE(windows(40, 4ms, 60, true) == 4);
}

TEST_CASE("admission limit: a minority that hangs decides nothing", "[admission]") {
    admission_limit limit({.least = 4, .most = 64, .initial = 32, .floor = 100us});
    time_point now{1h};
    for (int i = 0; i < 50; ++i) {
        for (int k = 0; k < 20; ++k) limit.observe(k % 3 ? 1ms : 5s, k % 2 ? 4 : 64, k % 2 == 1);
        limit.update(now += 100ms, false);
    }
    REQUIRE(limit.value() == 64);
}

TEST_CASE("admission gate: thousands of random lives", "[admission]") {
    for (unsigned seed = 0; seed < 3000; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        const auto upto = [&](unsigned most) {
            return std::uniform_int_distribution<unsigned>(0, most)(random);
        };
        gate_settings settings;
        settings.limit = {.least = 1 + upto(3), .most = 4 + upto(30), .initial = 1 + upto(30), .floor = 1ms};
        settings.most_waiting = upto(20);
        settings.most_bytes = upto(1000);
        settings.most_slow = upto(5);
        admission_gate gate(settings);
        time_point now{1h};
        struct life {
            guest who{};
            time_point arrived{}, until{};
            bool inside = false;
        };
        std::vector<std::unique_ptr<life>> lives;
        for (int step = 0; step < 100; ++step) {
            now += std::chrono::microseconds(upto(8000));
            if (upto(9) < 5) {
                auto& one = *lives.emplace_back(std::make_unique<life>());
                one.arrived = now;
                one.until = upto(4) ? no_end : now + std::chrono::milliseconds(upto(60));
                const auto bytes = upto(300);
                const auto full = gate.full(bytes);
                const auto how = gate.arrive(one.who.visitor, bytes, one.until, now);
                if (how == arrival::admitted) one.inside = true;
                REQUIRE((how == arrival::full) == (full && one.until > now));
                if (how == arrival::full || how == arrival::late) lives.pop_back();
            } else if (!lives.empty()) {  // somebody is done, or goes away
                const auto at = upto(static_cast<unsigned>(lives.size()) - 1);
                if (lives[at]->inside) gate.leave(lives[at]->who.visitor, now, upto(1));
                lives.erase(lives.begin() + at);
            }
            if (upto(3) == 0) gate.tick(now, upto(20) == 0);
            std::size_t inside = 0, waiting = 0;
            for (auto it = lives.begin(); it != lives.end();) {
                auto& one = **it;
                if (one.who.said && *one.who.said != verdict::admitted) {
                    REQUIRE_FALSE(one.inside);
                    if (*one.who.said == verdict::waited) REQUIRE(now - one.arrived >= settings.patience);
                    if (*one.who.said == verdict::late) REQUIRE(now >= one.until);
                    it = lives.erase(it);
                    continue;
                }
                one.inside = one.inside || one.who.said.has_value();
                REQUIRE(one.inside == one.who.visitor.in_service());
                (one.inside ? inside : waiting)++;
                ++it;
            }
            REQUIRE(gate.in_flight() == inside);
            REQUIRE(gate.waiting() == waiting);
            REQUIRE(waiting <= settings.most_waiting);
            REQUIRE(gate.in_flight() <= settings.limit.most + settings.most_slow + 30);
        }
        gate.tick(now += 2s, false);
        REQUIRE(gate.waiting() == 0);
    }
}
