// SPDX-License-Identifier: Apache-2.0
// The chaos proxy does what it says, and stops doing it when it is told to. Behind it: a server that echoes.
#include "support/chaos_proxy.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include "base/testing/catch.hpp"
#include "raw_client.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

namespace {

class echo_server {
public:
    echo_server() : acceptor_(home_.get_executor(), tcp::endpoint(net::ip::address_v4::loopback(), 0)) {
        net::co_spawn(home_.get_executor(), accept(), net::detached);
        home_.start();
    }
    ~echo_server() {
        home_.stop();
        home_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    awaitable<void> accept() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(use_tuple);
            if (failed) co_return;
            net::co_spawn(home_.get_executor(), repeat(std::move(socket)), net::detached);
        }
    }
    static awaitable<void> repeat(tcp_socket socket) {
        std::array<char, 4096> room;
        for (;;) {
            const auto [failed, count] = co_await socket.async_read_some(net::buffer(room), use_tuple);
            if (failed) co_return;
            const auto [unsent, ignored] =
                co_await net::async_write(socket, net::buffer(room.data(), count), use_tuple);
            if (unsent) co_return;
        }
    }

    runtime::reactor home_{"echo"};
    tcp_acceptor acceptor_;
};

/// Reads until `size` bytes are there or nothing more comes.
std::string read(raw_client& from, std::size_t size) {
    std::string out;
    while (out.size() < size) {
        const auto more = from.read_bytes();
        if (more.empty()) break;
        out += more;
    }
    return out;
}

std::string letters(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('a' + i % 26);
    return out;
}

struct fixture {
    echo_server server;
    chaos_proxy proxy{"127.0.0.1", server.port()};
    raw_client client{proxy.port()};

    /// What comes back, and how long it took.
    std::pair<std::string, std::chrono::steady_clock::duration> echo(const std::string& bytes) {
        const auto began = std::chrono::steady_clock::now();
        client.send(bytes);
        auto back = read(client, bytes.size());
        return {std::move(back), std::chrono::steady_clock::now() - began};
    }
    /// A new connection works.
    [[nodiscard]] bool well() const {
        raw_client other(proxy.port());
        other.send("hello");
        return read(other, 5) == "hello";
    }
};

}  // namespace

TEST_CASE("chaos: without faults bytes pass, and are counted", "[integration]") {
    fixture f;
    const auto text = letters(3'000'000);
    std::jthread writer([&] { f.client.send(text); });
    REQUIRE(read(f.client, text.size()) == text);
    const auto seen = f.proxy.seen();
    CHECK(seen.connections == 1);
    CHECK(seen.open == 1);
    CHECK(seen.to_server == text.size());
    CHECK(seen.to_client == text.size());
}

TEST_CASE("chaos: the end of one side reaches the other", "[integration]") {
    fixture f;
    f.client.send("bye");
    f.client.close_sending();
    REQUIRE(f.client.read_to_end() == "bye");
}

TEST_CASE("chaos: delay", "[integration]") {
    fixture f;
    f.proxy.set(toward::server, {.delay = 150ms});
    const auto [back, took] = f.echo("slow");
    CHECK(back == "slow");
    CHECK(took >= 150ms);
    f.proxy.clear();
    CHECK(f.echo("quick").first == "quick");
}

TEST_CASE("chaos: throttle", "[integration]") {
    fixture f;
    f.proxy.set(toward::client, {.bytes_per_second = 10'000});
    const auto text = letters(4'000);
    const auto [back, took] = f.echo(text);
    CHECK(back == text);
    CHECK(took >= 300ms);
}

TEST_CASE("chaos: slices arrive one by one", "[integration]") {
    fixture f;
    f.proxy.set(toward::client, {.slice = 1, .slice_pause = 2ms});
    const auto before = f.client.reads();
    CHECK(f.echo("0123456789").first == "0123456789");
    CHECK(f.client.reads() - before >= 5);
}

TEST_CASE("chaos: corrupt flips a bit of every n-th byte", "[integration]") {
    fixture f;
    f.proxy.set(toward::server, {.corrupt_every = 4});
    CHECK(f.echo("aaaaaaaaaa").first == "aaa`aaa`aa");
    f.proxy.clear();
    CHECK(f.echo("aaaaaaaaaa").first == "aaaaaaaaaa");
}

TEST_CASE("chaos: cut ends both sides after so many bytes", "[integration]") {
    fixture f;
    f.proxy.set(toward::client, {.cut_after = 5});
    f.client.send("0123456789");
    CHECK(f.client.read_to_end() == "01234");
    f.proxy.clear();
    CHECK(f.well());
}

TEST_CASE("chaos: reset", "[integration]") {
    fixture f;
    f.proxy.set(toward::server, {.reset_after = 5});
    f.client.send("0123456789");
    CHECK(f.client.is_reset());
    f.proxy.clear();
    REQUIRE(f.well());
    raw_client other(f.proxy.port());
    other.send("here");
    REQUIRE(read(other, 4) == "here");
    f.proxy.reset();
    CHECK(other.is_reset());
}

TEST_CASE("chaos: cut by hand ends every connection in order", "[integration]") {
    fixture f;
    REQUIRE(f.echo("x").first == "x");
    f.proxy.cut();
    CHECK(f.client.read_to_end().empty());
    CHECK(f.well());
}

TEST_CASE("chaos: a black hole swallows, and what comes after it arrives", "[integration]") {
    fixture f;
    f.proxy.set(toward::server, {.swallow = true});
    f.client.send("lost");
    while (f.proxy.seen().to_server < 4) std::this_thread::sleep_for(1ms);
    f.proxy.clear();
    CHECK(f.echo("found").first == "found");
}

TEST_CASE("chaos: stalled bytes arrive later", "[integration]") {
    fixture f;
    REQUIRE(f.echo("x").first == "x");
    f.proxy.set(toward::server, {.stall = true});
    REQUIRE(f.echo("y").first == "y");  // the read that was under way already
    f.client.send("kept");
    std::this_thread::sleep_for(50ms);
    CHECK(f.proxy.seen().to_server == 2);
    f.proxy.clear();
    CHECK(read(f.client, 4) == "kept");
}

TEST_CASE("chaos: half-open, the end of one side is not told to the other", "[integration]") {
    fixture f;
    REQUIRE(f.echo("x").first == "x");
    f.proxy.set(toward::server, {.keep_open = true});
    f.client.close_sending();
    std::this_thread::sleep_for(50ms);
    CHECK(f.proxy.seen().open == 1);  // the server believes that the client is there
    f.proxy.reset();
    CHECK(f.client.is_reset());
}

TEST_CASE("chaos: a refusing proxy closes whoever comes", "[integration]") {
    fixture f;
    REQUIRE(f.echo("here").first == "here");
    f.proxy.refuse(true);
    raw_client other(f.proxy.port());
    CHECK(other.is_ended());
    CHECK(f.echo("still here").first == "still here");
    f.proxy.refuse(false);
    CHECK(f.well());
}

TEST_CASE("chaos: a server that is not there looks like one", "[integration]") {
    std::uint16_t gone = 0;
    {
        const echo_server server;
        gone = server.port();
    }
    chaos_proxy proxy("127.0.0.1", gone);
    raw_client client(proxy.port());
    CHECK(client.is_ended());
}
