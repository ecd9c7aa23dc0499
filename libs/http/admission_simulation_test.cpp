// SPDX-License-Identifier: Apache-2.0
// Clients, a gate and a database in simulated time: what an overload does to those who are served. The
// database has a few workers and serves in order; clients ask again as soon as they are answered, refused or
// not, which is the rudest they can be.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "base/testing/catch.hpp"
#include "http/admission_gate.hpp"

using namespace bulkhead::http;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

struct database {
    std::size_t workers;
    nanoseconds work;  // on average
};

class simulation {
public:
    simulation(unsigned seed, const gate_settings& settings, database db, std::size_t clients)
        : random_(seed), gate_(settings), database_(db), clients_(clients) {
        for (std::size_t i = 0; i < clients; ++i) start(i, nanoseconds(i * 1000));
        at(10ms, [this] { tick(); });
    }

    /// How many of the clients ask, from now on; the others stop after their answer.
    void ask(std::size_t count) {
        for (std::size_t i = asking_; i < count; ++i)
            if (!clients_[i].visitor) start(i, nanoseconds(i * 1000));
        asking_ = count;
    }
    void slow_down(nanoseconds work) { database_.work = work; }

    struct outcome {
        double served_per_second = 0;
        nanoseconds median{0}, p99{0};  // of what was served
        std::size_t refused = 0;
    };
    outcome run(nanoseconds length) {
        latencies_.clear();
        refused_ = 0;
        const auto end = now_ + length;
        while (!events_.empty() && events_.top().when <= end) {
            auto next = std::move(const_cast<event&>(events_.top()));
            events_.pop();
            now_ = next.when;
            next.happens();
        }
        now_ = end;
        outcome out{.refused = refused_};
        std::ranges::sort(latencies_);
        const auto count = latencies_.size();
        out.served_per_second = static_cast<double>(count) / std::chrono::duration<double>(length).count();
        if (count) out.median = latencies_[count / 2], out.p99 = latencies_[count * 99 / 100];
        return out;
    }
    [[nodiscard]] const admission_gate& gate() const { return gate_; }

private:
    using time_point = admission_gate::clock::time_point;
    struct event {
        time_point when;
        std::uint64_t order;
        std::function<void()> happens;
        bool operator<(const event& other) const {
            return std::tie(when, order) > std::tie(other.when, other.order);
        }
    };
    struct client {
        std::unique_ptr<admission_gate::visitor> visitor{};
        time_point asked{};
    };

    void at(nanoseconds later, std::function<void()> what) {
        events_.push({now_ + later, order_++, std::move(what)});
    }
    void tick() {
        gate_.tick(now_, false);
        at(10ms, [this] { tick(); });
    }
    void start(std::size_t i, nanoseconds later) {
        at(later, [this, i] { arrive(i); });
    }
    void arrive(std::size_t i) {
        if (i >= asking_) return clients_[i].visitor.reset();
        auto& one = clients_[i];
        one.asked = now_;
        one.visitor = std::make_unique<admission_gate::visitor>();
        one.visitor->told = [this, i](admission_verdict v) {
            v == admission_verdict::admitted ? query(i) : refuse(i);
        };
        using arrival = admission_gate::arrival;
        const auto how = gate_.arrive(*one.visitor, 0, time_point::max(), now_);
        if (how == arrival::admitted) query(i);
        if (how == arrival::full) refuse(i);
    }
    void refuse(std::size_t i) {
        ++refused_;
        start(i, 50us);
    }
    void query(std::size_t i) {
        line_.push(i);
        work();
    }
    void work() {
        for (; busy_ < database_.workers && !line_.empty(); ++busy_) {
            const auto i = line_.front();
            line_.pop();
            // Half of it is always the same, the other half varies.
            const auto mean = static_cast<double>(database_.work.count()) / 2;
            const auto took = mean + std::exponential_distribution<>(1 / mean)(random_);
            at(nanoseconds(static_cast<std::int64_t>(took)), [this, i] { finish(i); });
        }
    }
    void finish(std::size_t i) {
        --busy_;
        latencies_.push_back(now_ - clients_[i].asked);
        gate_.leave(*clients_[i].visitor, now_, true);
        start(i, 50us);
        work();
    }

    std::mt19937 random_;
    admission_gate gate_;
    database database_;
    std::vector<client> clients_;
    std::size_t asking_ = clients_.size();
    std::priority_queue<event> events_;
    std::queue<std::size_t> line_;
    std::size_t busy_ = 0, refused_ = 0;
    std::uint64_t order_ = 0;
    time_point now_{1h};
    std::vector<nanoseconds> latencies_;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned seeds = 2;
#else
constexpr unsigned seeds = 12;
#endif

}  // namespace

TEST_CASE("admission simulation: overload takes nothing from those who are served", "[admission]") {
    for (unsigned seed = 0; seed < seeds; ++seed) {
        const database db{.workers = 1 + seed % 4, .work = 300us * (1 + seed % 3)};
        const auto peak_clients = db.workers * 6;
        simulation world(seed, {}, db, peak_clients * 50);
        world.ask(1);
        const auto unloaded = world.run(2s);
        world.ask(peak_clients);
        world.run(2s);
        const auto peak = world.run(2s);
        REQUIRE(peak.refused == 0);
        for (const std::size_t times : {10, 50}) {
            world.ask(peak_clients * times);
            world.run(1s);
            const auto loaded = world.run(2s);
            INFO("seed " << seed << ", " << times << " times: " << loaded.served_per_second << " of "
                         << peak.served_per_second << "/s, p99 " << loaded.p99.count() << " of "
                         << unloaded.p99.count() << " ns, limit " << world.gate().limit());
            CHECK(loaded.served_per_second >= 0.9 * peak.served_per_second);
            CHECK(loaded.refused > 0);
            // In the order of their arrival they would take 60 and 300 times as long as one alone.
            CHECK(loaded.p99 <= std::max<nanoseconds>(20 * unloaded.median, 5ms));
        }
        world.ask(peak_clients);
        world.run(500ms);
        const auto after = world.run(1s);
        CHECK(after.refused == 0);
        CHECK(after.served_per_second >= 0.9 * peak.served_per_second);
    }
}

TEST_CASE("admission simulation: a burst is served whole", "[admission]") {
    for (unsigned seed = 0; seed < seeds; ++seed) {
        simulation world(seed, {}, {.workers = 2, .work = 400us}, 200);
        world.ask(1);
        world.run(1s);
        world.ask(200);
        const auto burst = world.run(30ms);
        CHECK(burst.refused == 0);
        world.ask(1);
        CHECK(world.run(1s).refused == 0);
    }
}

TEST_CASE("admission simulation: a database that becomes slow, and quick again", "[admission]") {
    for (unsigned seed = 0; seed < seeds; ++seed) {
        simulation world(seed, {}, {.workers = 4, .work = 300us}, 400);
        const auto quick = world.run(3s);
        world.slow_down(6ms);
        world.run(10s);
        const auto slow = world.run(5s);
        INFO("seed " << seed << ", limit " << world.gate().limit() << ", p99 " << slow.p99.count());
        CHECK(slow.served_per_second >= 0.9 * 4 / 0.006);
        CHECK(slow.p99 <= 100ms);
        world.slow_down(300us);
        world.run(2s);
        const auto again = world.run(3s);
        CHECK(again.served_per_second >= 0.9 * quick.served_per_second);
    }
}
