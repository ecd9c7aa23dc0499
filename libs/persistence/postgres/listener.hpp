// SPDX-License-Identifier: Apache-2.0
// Hears what a server says to NOTIFY channels, on a connection of its own. It reconnects for ever, with
// growing pauses, and asks a silent server now and then whether it is still there. Notifications are lost
// while it is away: whoever keeps what they announce must doubt it whenever listening begins. Belongs to its
// reactor.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/postgres/conninfo.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::postgres {

/// Called on the listener's reactor.
struct listener_events {
    /// True: from now on every notification is heard. False: none is, until the next true.
    std::function<void(bool listening)> on_listening;
    std::function<void(std::string_view channel, std::string_view payload)> on_notification;
};

struct listener_settings {
    session_defaults session{};
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds first_retry{50};  // doubles
    std::chrono::milliseconds slowest_retry{1'000};
    // A dead peer is noticed after both of these at the latest.
    std::chrono::milliseconds most_silence{4'000};  // then the server is asked
    std::chrono::milliseconds answer_limit{3'000};  // what it has for the answer
};

class listener {
public:
    /// `direct` must lead to the server itself: a pooler hands the session on to others, which ends LISTEN.
    listener(executor where, conninfo direct, const std::vector<std::string>& channels,
             listener_events events, listener_settings settings = {});
    /// Stops.
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Once. On the reactor's thread.
    void start();
    /// For good; no event is called any more. On the reactor's thread, or when that has ended.
    void stop();

private:
    class supervisor;

    std::shared_ptr<supervisor> supervisor_;  // shared with the coroutine that reconnects
};

}  // namespace bulkhead::postgres
