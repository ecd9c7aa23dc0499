// SPDX-License-Identifier: Apache-2.0
// One Redis connection per reactor, shared by all of its requests: commands that are issued while others are
// under way join the same write (pipelining), replies come back in order. It reconnects for ever; while it is
// away every command fails at once. All of it runs on the executor's thread; destroy it before its
// io_context.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "observability/trace_recorder.hpp"
#include "persistence/redis/codec.hpp"
#include "persistence/redis/endpoint.hpp"
#include "persistence/redis/reply.hpp"
#include "persistence/redis/script.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

/// How long a healthy server may take for a command.
inline constexpr std::chrono::milliseconds usual_limit{200};

struct redis_client_options {
    std::chrono::milliseconds connect_timeout{1000};  // name, connection, TLS, AUTH, SELECT and PING together
    std::chrono::milliseconds reconnect_first{50};    // waits between attempts double, with jitter, …
    std::chrono::milliseconds reconnect_most{2000};   // … up to this
    std::size_t max_waiting = 8192;                   // commands without an answer
    std::size_t max_unsent_bytes = 8u << 20;          // also the longest command
    redis_reply_limits reply{};
    /// Called when the connection comes up, is lost, and after each attempt that failed; `why` is for logs
    /// and holds no secret.
    std::function<void(bool up, std::string_view why)> on_change{};
    /// Called after each command, or piece of several: how long it took, and whether there was a reply.
    std::function<void(std::chrono::nanoseconds took, bool answered)> on_command{};
};

class redis_client {
public:
    redis_client(executor where, redis_endpoint endpoint, redis_client_options options = {});
    /// Stops.
    ~redis_client();
    redis_client(const redis_client&) = delete;
    redis_client& operator=(const redis_client&) = delete;

    /// Begins to connect, and keeps trying. Call once.
    void start();

    /// Closes; commands under way fail with errc::unavailable. For good, and safe to call twice.
    void stop();

    [[nodiscard]] bool connected() const noexcept;

    /// Sends a command and waits for its reply. An error reply becomes an error (see to_error), so the value
    /// is never one at the top level. errc::unavailable: no connection, or too much is queued.
    /// A reply that says that the server has lost its role (READONLY …) also ends the connection, so that the
    /// next one can find the new primary. errc::deadline_exceeded: no reply within `limit`. That drops the
    /// connection, for a server that is late once is late for everybody: give the time a healthy server
    /// needs, not what is left of a request. Blocking commands (BLPOP …) need a client of their own.
    /// `recording`: the request on whose behalf it is, which gets a span of it; null: none does.
    awaitable<result<redis_reply>> command(std::vector<std::string> argv,
                                           std::chrono::milliseconds limit = usual_limit,
                                           trace::recorder_ptr recording = {});

    /// The same, but error replies are returned as values, to be told apart by their kind.
    awaitable<result<redis_reply>> raw_command(std::vector<std::string> argv,
                                               std::chrono::milliseconds limit = usual_limit,
                                               trace::recorder_ptr recording = {});

    /// Sends several commands in one piece, with nobody's commands between them, and waits for all replies:
    /// one for each, in order, error replies among them as values. Not a transaction, unless they say MULTI
    /// and EXEC. Fails as a whole, as `command` does; then some of them may have been carried out.
    awaitable<result<std::vector<redis_reply>>> commands(std::vector<std::vector<std::string>> batch,
                                                         std::chrono::milliseconds limit = usual_limit,
                                                         trace::recorder_ptr recording = {});

    /// Runs a script by its hash and, when the server does not know it, once more by its text. `limit` is for
    /// both together. Errors as with `command`. `what` must outlive the call: make it a constant.
    awaitable<result<redis_reply>> run(const script& what, std::vector<std::string> keys,
                                       std::vector<std::string> arguments,
                                       std::chrono::milliseconds limit = usual_limit,
                                       trace::recorder_ptr recording = {});

private:
    class supervisor;

    awaitable<result<std::vector<redis_reply>>> ask(std::string bytes, std::size_t replies,
                                                    std::chrono::milliseconds limit);

    std::shared_ptr<supervisor> supervisor_;  // shared with the coroutine that reconnects
};

}  // namespace bulkhead::redis
