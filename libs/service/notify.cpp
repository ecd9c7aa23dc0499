// SPDX-License-Identifier: Apache-2.0
#include "service/notify.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "runtime/ask_each.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::service {
namespace {

std::string_view variable(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
    return value ? value : "";
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
    return value;
}

/// As sd_watchdog_enabled(3) reads it: a number for another process is not for us.
std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto pid = variable("WATCHDOG_PID");
    const auto interval = number(variable("WATCHDOG_USEC"));
    if (!interval || (!pid.empty() && number(pid) != ::getpid())) return std::nullopt;
    return std::chrono::microseconds{*interval};
}

std::int64_t monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

awaitable<void> watch(const notifier& to, std::vector<executor> reactors, std::chrono::microseconds pause) {
    steady_timer timer(co_await net::this_coro::executor);
    for (;;) {
        std::function<bool(std::size_t)> question = [](std::size_t) { return true; };
        const auto answers = co_await runtime::ask_each(reactors, std::move(question),
                                                        runtime::deadline(steady_clock::now() + pause));
        if (std::ranges::all_of(answers, [](const auto& each) { return each.has_value(); })) to.alive();
        timer.expires_after(pause);
        co_await timer.async_wait(use_tuple);
    }
}

}  // namespace

notifier::notifier() {
    const auto path = variable("NOTIFY_SOCKET");
    // A path, or a name in the abstract namespace, which begins with NUL and is written with "@".
    if (path.size() < 2 || path.size() >= sizeof address_.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, path.data(), path.size());
    if (path[0] == '@') address_.sun_path[0] = '\0';
    address_size_ =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '/' ? 1 : 0));
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    watchdog_ = watchdog_interval();
}

notifier::~notifier() {
    if (socket_ >= 0) ::close(socket_);
}

void notifier::send(std::string_view state) const {
    if (socket_ < 0) return;
    static_cast<void>(::sendto(socket_, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&address_), address_size_));
}

void notifier::ready(std::string_view status) const { send(fmt::format("READY=1\nSTATUS={}", status)); }

void notifier::reloading() const {
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void notifier::stopping(std::string_view status, std::chrono::microseconds patience) const {
    send(fmt::format("STOPPING=1\nSTATUS={}\nEXTEND_TIMEOUT_USEC={}", status, patience.count()));
}

void keep_watchdog_quiet(const notifier& to, runtime::reactor_group& reactors) {
    if (!to.watchdog()) return;
    std::vector<executor> all;
    for (auto& each : reactors) all.push_back(each->get_executor());
    // Asking may take as long as the pause: both together are half of what is allowed.
    net::co_spawn(all[0], watch(to, all, *to.watchdog() / 4), or_die);
}

}  // namespace bulkhead::service
