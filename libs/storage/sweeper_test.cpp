// SPDX-License-Identifier: Apache-2.0
#include "storage/sweeper.hpp"

#include <boost/asio/post.hpp>

#include <condition_variable>
#include <future>
#include <mutex>

#include "base/testing/catch.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::storage;
using namespace std::chrono_literals;

namespace {

/// Counts sweeps; the first ones fail.
class counted_store final : public store {
public:
    explicit counted_store(int failures) : failures_(failures) {}

    awaitable<result<std::unique_ptr<object_writer>>> create(object_key) override { co_return no(); }
    awaitable<result<std::unique_ptr<object_reader>>> open(object_key) override { co_return no(); }
    awaitable<result<void>> remove(object_key) override { co_return no(); }
    awaitable<result<void>> remove_all(uuid) override { co_return no(); }
    awaitable<result<std::size_t>> sweep(std::chrono::seconds age) override {
        const std::scoped_lock lock(guard_);
        last_age = age;
        ++sweeps_;
        changed_.notify_all();
        if (sweeps_ <= failures_) co_return no();
        co_return 1;
    }

    /// False: not so often within a minute.
    bool wait_for(int sweeps) {
        std::unique_lock lock(guard_);
        return changed_.wait_for(lock, 1min, [&] { return sweeps_ >= sweeps; });
    }
    [[nodiscard]] int sweeps() {
        const std::scoped_lock lock(guard_);
        return sweeps_;
    }

    std::chrono::seconds last_age{0};

private:
    static std::unexpected<error> no() { return fail(errc::unavailable); }

    const int failures_;
    std::mutex guard_;
    std::condition_variable changed_;
    int sweeps_ = 0;
};

}  // namespace

TEST_CASE("sweeper: at the start, again and again, and after failures", "[storage]") {
    counted_store files(2);
    runtime::reactor reactor{"test"};
    sweeper one(reactor.get_executor(), files, {.every = 1ms, .age = 90s});
    reactor.start();
    reactor.post([&] { one.start(); });
    CHECK(files.wait_for(4));
    std::promise<void> stopped;
    reactor.post([&] {
        one.stop();
        stopped.set_value();
    });
    stopped.get_future().get();
    reactor.stop();
    reactor.join();
    CHECK(files.last_age == 90s);
}

TEST_CASE("sweeper: once within its time, and none after its end", "[storage]") {
    counted_store files(0);
    runtime::reactor reactor{"test"};
    sweeper one(reactor.get_executor(), files);
    reactor.start();
    reactor.post([&] { one.start(); });
    CHECK(files.wait_for(1));
    std::promise<void> stopped;
    reactor.post([&] {
        one.stop();
        net::post(reactor.get_executor(), [&] { stopped.set_value(); });
    });
    stopped.get_future().get();
    reactor.stop();
    reactor.join();
    CHECK(files.sweeps() == 1);
}
