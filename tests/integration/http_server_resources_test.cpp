// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: connections, memory, descriptors and ports, and what happens when there
// are no more.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/catch.hpp"
#include "http_server_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

TEST_CASE("http server: more connections than allowed are closed", "[http]") {
    auto options = quick();
    options.max_connections = 2;
    options.bounds.keep_alive_idle = 5s;
    sample_server server(options);
    auto first = server.connect(), second = server.connect();
    REQUIRE(server.reaches(2));
    auto third = server.connect();
    REQUIRE(third.read_to_end().empty());
    REQUIRE(server.refused() == 1);
    second.close();
    REQUIRE(server.reaches(1));
    auto fourth = server.connect();
    fourth.send(get("/hello"));
    REQUIRE(fourth.read_answer().code == 200);
}

namespace {

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * 4096;
}

/// Puts the limit of open descriptors back when it goes.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t wanted) {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{std::min(wanted, before_.rlim_max), before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &now);
    }
    ~descriptor_limit() { setrlimit(RLIMIT_NOFILE, &before_); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("http server: an idle connection is cheap, whatever it did before", "[http]") {
    constexpr std::size_t count = 1000;
    const descriptor_limit enough(4096);
    auto options = quick();
    options.bounds.keep_alive_idle = 30s;
    sample_server server(options);
    const auto exchange_one = [&](raw_client& client) {
        client.send(post(std::string(200'000, 'm')));
        REQUIRE(client.read_answer().code == 200);
    };
    auto warm = server.connect();
    exchange_one(warm);
    std::vector<raw_client> clients;
    clients.reserve(count);
    const auto before = resident_bytes();
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(server.connect());
        exchange_one(clients.back());
    }
    REQUIRE(server.open() == count + 1);
    const auto each = (resident_bytes() - std::min(before, resident_bytes())) / count;
    INFO(each << " bytes of a connection");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    REQUIRE(each < 20 * 1024);
#endif
}

TEST_CASE("http server: out of descriptors it waits, without spinning, and goes on", "[http]") {
    sample_server server;
    auto client = server.connect(), waiting = raw_client::unconnected();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    const auto clock_before = std::clock();
    {
        const descriptor_limit none(3);
        waiting.connect(server.port());
        waiting.send(get("/hello"));
        client.send(get("/hello"));
        REQUIRE(client.read_answer().code == 200);
        std::this_thread::sleep_for(300ms);
    }
    REQUIRE(std::clock() - clock_before < CLOCKS_PER_SEC / 10);
    REQUIRE(waiting.read_answer().code == 200);
}

namespace {

/// Uses up all descriptors of the process.
class no_descriptors {
public:
    no_descriptors() {
        for (int one = 0; (one = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.push_back(one);
    }
    ~no_descriptors() {
        for (const int one : taken_) ::close(one);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;

private:
    const descriptor_limit few_{256};
    std::vector<int> taken_{};
};

}  // namespace

TEST_CASE("http server: out of descriptors for long, it turns away who waits", "[http]") {
    auto options = quick();
    options.bounds.keep_alive_idle = 30s;  // a connection that ends would be a descriptor
    sample_server server(options);
    auto client = server.connect(), waiting = raw_client::unconnected();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    const auto began = steady_clock::now();
    const auto clock_before = std::clock();
    std::string heard;
    std::chrono::milliseconds after{};
    unsigned code = 0;
    {
        const no_descriptors left;  // nothing is checked meanwhile: sanitizers need descriptors for that
        waiting.connect(server.port());
        waiting.send(get("/hello"));
        heard = waiting.read_to_end();
        after = since(began);
        client.send(get("/hello"));  // those who are in are served
        code = client.read_answer().code;
    }
    REQUIRE(heard == "");
    REQUIRE(after >= 500ms);
    REQUIRE(code == 200);
    REQUIRE(std::clock() - clock_before < CLOCKS_PER_SEC / 5);
    REQUIRE(server.refused() >= 1);
    auto next = server.connect();
    next.send(get("/hello"));
    REQUIRE(next.read_answer().code == 200);
}

TEST_CASE("http server: reactors share a port, programs do not", "[http]") {
    sample_server one;
    sample_server two(quick(), one.port());
    bool both = false;
    for (int i = 0; i < 200 && !both; ++i) {
        auto client = one.connect();
        client.send(get("/hello"));
        REQUIRE(client.read_answer().code == 200);
        both = one.answered(2) > 0 && two.answered(2) > 0;
    }
    REQUIRE(both);
    const auto taken = check_listen({"127.0.0.1", one.port()});
    REQUIRE_FALSE(taken.has_value());
    REQUIRE(taken.error().detail.find(std::to_string(one.port())) != std::string::npos);
    REQUIRE_FALSE(check_listen({"localhost", 0}).has_value());
    REQUIRE(check_listen({"127.0.0.1", running_server::free_port()}).has_value());
}
