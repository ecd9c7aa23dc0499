// SPDX-License-Identifier: Apache-2.0
// Tells the service manager how we are, by the protocol of sd_notify(3): datagrams to the socket that
// NOTIFY_SOCKET names. Without one nothing happens. Safe from any thread; nothing in here fails or waits: a
// manager that does not listen must not hold us up.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "runtime/reactor.hpp"

namespace bulkhead::service {

class notifier {
public:
    /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    notifier();
    ~notifier();
    notifier(const notifier&) = delete;
    notifier& operator=(const notifier&) = delete;

    /// Listening; also ends what `reloading` began. `status` is one line for people.
    void ready(std::string_view status) const;
    void reloading() const;
    /// `patience`: how long it may take at most, so that a manager with less does not lose it.
    void stopping(std::string_view status, std::chrono::microseconds patience) const;
    void alive() const { send("WATCHDOG=1"); }

    /// How often the manager must hear that we are alive; nullopt: it does not ask.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

private:
    void send(std::string_view state) const;

    int socket_ = -1;
    sockaddr_un address_{};
    socklen_t address_size_ = 0;
    std::optional<std::chrono::microseconds> watchdog_;
};

/// Says that we are alive, twice as often as it must be heard, as long as every reactor answers: one that is
/// stuck is what a watchdog is for. Does nothing when none is wanted; ends with the reactors, which `to` must
/// outlive.
void keep_watchdog_quiet(const notifier& to, runtime::reactor_group& reactors);

}  // namespace bulkhead::service
