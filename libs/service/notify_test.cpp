// SPDX-License-Identifier: Apache-2.0
#include "service/notify.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

/// The service manager's end. `name` as in NOTIFY_SOCKET.
class manager {
public:
    explicit manager(const std::string& name) : name_(name), socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '/' ? 1 : 0);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) ==
                0);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~manager() {
        ::close(socket_);
        if (name_[0] == '/') ::unlink(name_.c_str());
        for (const auto* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(variable);
    }

    /// The next message; empty when none comes in time.
    std::string hear(std::chrono::milliseconds patience) const {
        const timeval limit{patience / 1s, (patience % 1s) / 1us};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        std::array<char, 1024> text{};
        const auto size = ::recv(socket_, text.data(), text.size(), 0);
        return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
    }

private:
    std::string name_;
    int socket_;
};

std::string path() { return "/tmp/bulkhead_notify_" + std::to_string(::getpid()); }

}  // namespace

TEST_CASE("notify: messages reach a socket by path and by abstract name", "[service]") {
    for (const auto& name : {path(), "@bulkhead_notify_" + std::to_string(::getpid())}) {
        const manager systemd(name);
        const service::notifier notify;
        notify.ready("listening");
        CHECK(systemd.hear(5s) == "READY=1\nSTATUS=listening");
        notify.reloading();
        CHECK(systemd.hear(5s).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        notify.stopping("draining", 35s);
        CHECK(systemd.hear(5s) == "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=35000000");
        CHECK(!notify.watchdog());
    }
}

TEST_CASE("notify: without a manager, or with one that is gone, nothing happens", "[service]") {
    const manager other(path());
    const auto says_nothing = [](const char* socket) {
        socket ? ::setenv("NOTIFY_SOCKET", socket, 1) : ::unsetenv("NOTIFY_SOCKET");
        const service::notifier told;
        CHECK_NOTHROW(told.ready("listening"));
        CHECK_NOTHROW(told.stopping("draining", 35s));
        CHECK_FALSE(told.watchdog());
    };
    says_nothing(nullptr);
    says_nothing("");
    says_nothing("/nowhere/at/all");
    says_nothing(std::string(500, '/').c_str());
    CHECK(other.hear(1ms).empty());

    auto leaving = std::make_unique<manager>(path() + "_leaving");
    const service::notifier abandoned;
    leaving.reset();
    CHECK_NOTHROW(abandoned.ready("listening"));
}

TEST_CASE("notify: the watchdog is for the process it names", "[service]") {
    const manager systemd(path());
    const auto wanted = [](const char* interval, const std::string& pid) {
        ::setenv("WATCHDOG_USEC", interval, 1);
        ::setenv("WATCHDOG_PID", pid.c_str(), 1);
        return service::notifier().watchdog();
    };
    CHECK(wanted("2000000", std::to_string(::getpid())) == 2s);
    CHECK(!wanted("2000000", "1"));
    CHECK(!wanted("soon", std::to_string(::getpid())));
}

TEST_CASE("notify: a reactor that is stuck is not called alive", "[service]") {
    const manager systemd(path());
    ::setenv("WATCHDOG_USEC", "400000", 1);
    const service::notifier notify;
    runtime::reactor_group reactors("watched", 2);
    service::keep_watchdog_quiet(notify, reactors);
    reactors.start();
    CHECK(systemd.hear(5s) == "WATCHDOG=1");
    CHECK(systemd.hear(5s) == "WATCHDOG=1");
    std::promise<void> stuck, release;
    reactors[1].post([&] {
        stuck.set_value();
        release.get_future().wait();
    });
    stuck.get_future().wait();
    while (systemd.hear(1ms) == "WATCHDOG=1") continue;  // said before
    std::string late = systemd.hear(300ms);              // perhaps asked before
    if (!late.empty()) late = systemd.hear(1s);
    CHECK(late.empty());
    release.set_value();
    CHECK(systemd.hear(5s) == "WATCHDOG=1");
    reactors.stop();
}
