// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <future>
#include <vector>
#include "base/testing/catch.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::auth;
using namespace std::chrono_literals;

namespace {

struct fixture {
    password_hasher hasher;
    runtime::blocking_pool pool{"hash", 1, 4};
    passwords checked{hasher, pool};
    runtime::reactor reactor{"test"};

    explicit fixture(unsigned cost = 4) : hasher(cost) { reactor.start(); }
    ~fixture() { pool.stop(); }

    template <class T>
    T wait(awaitable<T> work) {
        return net::co_spawn(reactor.get_executor(), std::move(work), net::use_future).get();
    }
};

}  // namespace

TEST_CASE("passwords: hashed and verified on other threads", "[auth]") {
    fixture f;
    const auto soon = runtime::deadline::in(10s);
    const auto hash = f.wait(f.checked.hash(secret("a quiet harbour"), soon));
    REQUIRE(hash.has_value());
    REQUIRE(f.wait(f.checked.verify(secret("a quiet harbour"), *hash, soon))->matches);
    REQUIRE_FALSE(f.wait(f.checked.verify(secret("a loud harbour"), *hash, soon))->matches);
    REQUIRE_FALSE(f.wait(f.checked.verify(secret("a quiet harbour"), std::nullopt, soon))->matches);
}

TEST_CASE("passwords: nothing is hashed for a request whose time is up", "[auth]") {
    fixture f;
    const auto gone = runtime::deadline::in(-1s);
    REQUIRE(f.wait(f.checked.hash(secret("p"), gone)).error().code == errc::unavailable);
    REQUIRE(f.wait(f.checked.verify(secret("p"), std::nullopt, gone)).error().code == errc::unavailable);
}

TEST_CASE("passwords: who could not be served in time does not wait for that", "[auth]") {
    fixture f(11);
    const auto soon = runtime::deadline::in(60s);
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(f.wait(f.checked.hash(secret("p"), soon)).has_value());
    const auto one = std::chrono::steady_clock::now() - began;
    std::vector<std::future<result<std::string>>> line;
    for (int i = 0; i < 4; ++i)
        line.push_back(
            net::co_spawn(f.reactor.get_executor(), f.checked.hash(secret("p"), soon), net::use_future));
    const runtime::deadline short_of_it(std::chrono::steady_clock::now() + one);
    const auto refused = f.wait(f.checked.hash(secret("p"), short_of_it));
    REQUIRE(refused.error().code == errc::unavailable);
    REQUIRE(refused.error().retry_after == 1s);
    REQUIRE(line.back().wait_for(0s) == std::future_status::timeout);
    for (auto& each : line) REQUIRE(each.get().has_value());
}
