// SPDX-License-Identifier: Apache-2.0
// A server that breaks the protocol, as a corrupted connection does: every operation ends at once, none is
// left to its deadline on a connection that is gone.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

std::string message(char type, std::string_view body) {
    const auto size = htonl(static_cast<std::uint32_t>(body.size() + 4));
    return std::string(1, type) + std::string(reinterpret_cast<const char*>(&size), 4) + std::string(body);
}

const std::string ready = message('Z', "I");
const std::string completed = message('C', std::string_view("SELECT 0\0", 9));

/// Speaks just enough of the protocol for one session at a time: whoever logs in is let in, and what follows
/// is answered by `script` as soon as it comes.
class false_server {
public:
    explicit false_server(std::string script) : script_(std::move(script)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~false_server() {
        stopping_ = true;
        thread_.join();
        ::close(listener_);
    }
    false_server(const false_server&) = delete;
    false_server& operator=(const false_server&) = delete;

    [[nodiscard]] postgres::conninfo target() const {
        return postgres::parse_database_url(
                   fmt::format("postgresql://somebody@127.0.0.1:{}/anything?sslmode=disable", port_))
            .value();
    }

private:
    [[nodiscard]] bool readable(int socket) const {
        pollfd one{.fd = socket, .events = POLLIN, .revents = 0};
        while (!stopping_)
            if (::poll(&one, 1, 20) > 0) return true;
        return false;
    }
    void serve() {
        while (readable(listener_)) {
            const int session = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            converse(session);
            ::close(session);
        }
    }
    void converse(int session) const {
        auto answer = message('R', std::string_view("\0\0\0\0", 4)) + ready;
        for (char scrap[4096]; readable(session);) {
            if (::recv(session, scrap, sizeof scrap, 0) <= 0) return;
            if (::send(session, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
            answer = script_;
        }
    }

    const std::string script_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

// What a prepared statement without rows is answered: the preparation's unit, then its own.
const std::string prepared = message('1', "") + ready;
const std::string executed = message('2', "") + message('n', "") + completed;

}  // namespace

TEST_CASE("pool: an answer too many where a sync belongs ends the session at once", "[integration]") {
    const std::string extras[] = {completed, message('I', ""),
                                  message('E', std::string_view("SERROR\0\0", 8))};
    const auto& extra = extras[GENERATE(0, 1, 2)];
    const false_server server(prepared + executed + extra + ready + ready + ready);
    pool_house house;
    const auto began = steady_clock::now();
    const auto got = must_end(house.spawn(ask(house.pool(server.target()), "select 1", intent::write, 20s)));
    CHECK(got.word() == "unavailable");
    CHECK(steady_clock::now() - began < 10s);
}

}  // namespace bulkhead::testing
