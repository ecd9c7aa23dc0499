// SPDX-License-Identifier: Apache-2.0
// A thousand tenants on few connections: everybody is served, in bounded time, and connections are not opened
// and closed all the time. The tenants share a few databases, which makes no difference to the pools: each
// has its own.
#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include "persistence/postgres/scram.hpp"
#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

/// Indexes from 0, the n-th as often as 1/(n+1).
class zipf {
public:
    zipf(std::size_t count, double exponent) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i)
            cumulative_.push_back(sum += 1 / std::pow(static_cast<double>(i + 1), exponent));
    }
    template <class Random>
    std::size_t operator()(Random& random) const {
        const auto at = std::uniform_real_distribution<>(0, cumulative_.back())(random);
        return static_cast<std::size_t>(std::ranges::lower_bound(cumulative_, at) - cumulative_.begin());
    }

private:
    std::vector<double> cumulative_;
};

struct tally {
    int done = 0;
    std::map<std::string, int> failed{};
    std::vector<std::chrono::microseconds> took{};
    std::vector<int> of_tenant{};
};

/// Tenants by name, as one reactor has them.
class crowd {
public:
    static constexpr int databases = 10;

    crowd(pool_house& house, std::size_t tenants) : house_(house), names_(fresh_databases(databases)) {
        const auto verifier = postgres::scram_verifier("secret", 1).value();
        for (const auto& each : names_) {
            shared_servers().execute(
                each, fmt::format(
                          "create role {0} login password '{1}'; create table items as select i as id, "
                          "repeat('x', 100) as text from generate_series(1, 20) i; grant all on items to {0}",
                          each, verifier));
        }
        for (std::size_t i = 0; i < tenants; ++i) {
            const auto& name = names_[i % databases];
            targets_.push_back(std::make_shared<const postgres::conninfo>(
                target_of(name).with_login(name, name, secret("secret"))));
            keys_.push_back(fmt::format("tenant {}", i));
        }
    }

    /// `clients` ask one after the other for `time`, a fifth of it writes.
    tally run(const zipf& choice, int clients, std::chrono::milliseconds time) {
        tally sum;
        sum.of_tenant.resize(keys_.size());
        const auto until = steady_clock::now() + time;
        std::vector<std::future<int>> all;
        for (int i = 0; i < clients; ++i) all.push_back(house_.spawn(client(choice, until, i, sum)));
        for (auto& each : all) sum.done += must_end(std::move(each));
        std::ranges::sort(sum.took);
        return sum;
    }

private:
    awaitable<int> client(const zipf& choice, steady_clock::time_point until, int seed, tally& sum) {
        std::minstd_rand random(static_cast<unsigned>(seed) + 1);
        int done = 0;
        while (steady_clock::now() < until) {
            const auto tenant = choice(random);
            const bool write = random() % 5 == 0;
            const auto began = steady_clock::now();
            const postgres::query each{postgres::statement(write ? write_sql : read_sql), {}};
            const auto rows =
                co_await house_.pools()
                    .get(keys_[tenant], targets_[tenant])
                    ->run({&each, 1}, write ? intent::write : intent::read, runtime::deadline::in(10s));
            sum.took.push_back(
                std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began));
            if (rows) {
                ++done;
                ++sum.of_tenant[tenant];
            } else {
                ++sum.failed[word(rows)];
            }
        }
        co_return done;
    }

    static constexpr std::string_view read_sql = "select id, text from items order by id limit 20";
    static constexpr std::string_view write_sql = "insert into items select 1000, 'new' where random() < 0";

    pool_house& house_;
    std::vector<std::string> names_;
    std::vector<std::string> keys_;
    std::vector<std::shared_ptr<const postgres::conninfo>> targets_;
};

TEST_CASE("crowd: a thousand tenants on twenty connections are all served", "[integration]") {
    pool_house house({.budget = 20});
    crowd tenants(house, 1000);
    const auto seen = tenants.run(zipf(1000, 1.0), 100, 5s);
    for (const auto& [what, count] : seen.failed) FAIL_CHECK(what << " " << count);
    const auto& counted = house.pools().counters();
    CHECK(seen.done > 0);
    CHECK(seen.took.back() < 5s);
    // One connection serves more than one request, or the server would do nothing but log people in.
    CHECK(counted.opened.value() * 2 < static_cast<std::uint64_t>(seen.done));
    CHECK(house.sessions() <= 25);  // some are on their way out
    CHECK(house.on_reactor([&] { return house.pools().open_connections(); }) <= 20);
}

}  // namespace
}  // namespace bulkhead::testing
