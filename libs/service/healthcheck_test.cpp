// SPDX-License-Identifier: Apache-2.0
#include "service/healthcheck.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>

#include "base/testing/catch.hpp"

using namespace bulkhead::service;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// Answers one connection with `text`, once a request has come.
class one_answer {
public:
    explicit one_answer(std::string text, const char* address = "127.0.0.1")
        : acceptor_(io_, {boost::asio::ip::make_address(address), 0}),
          server_([this, text = std::move(text)] {
              boost::system::error_code failed;
              tcp::socket client(io_);
              acceptor_.accept(client, failed);
              boost::asio::read_until(client, boost::asio::dynamic_buffer(request_), "\r\n\r\n", failed);
              boost::asio::write(client, boost::asio::buffer(text), failed);
          }) {}
    ~one_answer() { join(); }
    one_answer(const one_answer&) = delete;
    one_answer& operator=(const one_answer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string request() {
        join();
        return request_;
    }

private:
    void join() {
        if (server_.joinable()) server_.join();
    }

    boost::asio::io_context io_;
    tcp::acceptor acceptor_;
    std::string request_;
    std::thread server_;
};

std::string problem(std::string_view body) {
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

}  // namespace

TEST_CASE("healthcheck: what the program answers decides", "[service]") {
    SECTION("ready") {
        one_answer program("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"status\":\"ready\"}");
        const auto seen = ask_health("127.0.0.1", program.port(), 5s);
        CHECK(seen.ready);
        CHECK(seen.text == "ready");
        CHECK(program.request().starts_with("GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1:"));
    }
    SECTION("not ready, and why") {
        one_answer program(problem(R"({"detail":"migrations are pending: run bulkhead-migrator up"})"));
        const auto seen = ask_health("127.0.0.1", program.port(), 5s);
        CHECK_FALSE(seen.ready);
        CHECK(seen.text == "not ready: migrations are pending: run bulkhead-migrator up");
    }
    SECTION("not ready without a word") {
        one_answer program(problem("<html>"));
        CHECK(ask_health("127.0.0.1", program.port(), 5s).text == "not ready: status 503");
    }
    SECTION("another program") {
        one_answer program("SSH-2.0-OpenSSH_9.2\r\n");
        CHECK(ask_health("127.0.0.1", program.port(), 5s).text ==
              "not ready: what answers there is no HTTP server");
    }
    SECTION("a program that ends without an answer") {
        one_answer program("");
        CHECK_FALSE(ask_health("127.0.0.1", program.port(), 5s).ready);
    }
}

TEST_CASE("healthcheck: who listens everywhere is asked on loopback", "[service]") {
    one_answer program("HTTP/1.1 200 OK\r\n\r\n", "0.0.0.0");
    CHECK(ask_health("0.0.0.0", program.port(), 5s).ready);
}

TEST_CASE("healthcheck: nobody there, and nobody who answers", "[service]") {
    boost::asio::io_context io;
    tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    const auto port = silent.local_endpoint().port();
    const auto slow = ask_health("127.0.0.1", port, 50ms);  // the kernel accepts, nobody reads
    CHECK_FALSE(slow.ready);
    CHECK(slow.text == "not ready: 127.0.0.1:" + std::to_string(port) + ": it did not answer in time");
    silent.close();
    CHECK(ask_health("127.0.0.1", port, 5s).text ==
          "not ready: 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}
