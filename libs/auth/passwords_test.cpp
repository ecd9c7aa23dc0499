// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "base/testing/catch.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::auth;
using namespace std::chrono_literals;

namespace {

struct fixture {
    password_hasher hasher{4};
    runtime::blocking_pool pool{"hash", 1, 4};
    passwords checked{hasher, pool};
    runtime::reactor reactor{"test"};

    fixture() { reactor.start(); }
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
