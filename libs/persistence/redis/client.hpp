// SPDX-License-Identifier: Apache-2.0
// One Redis connection per reactor (to a cluster: one per node), shared by all of its requests: commands that
// are issued while others are under way join the same write (pipelining), replies come back in order. It
// reconnects for ever, with Sentinel to whoever is the primary then; while a server is away every command for
// it fails at once. All of it runs on the executor's thread; destroy it before its io_context.
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
#include "persistence/redis/identity.hpp"
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
    /// Of a cluster: up when all nodes that serve slots are connected to.
    std::function<void(bool up, std::string_view why)> on_change{};
    /// Called when a connection has come up, before on_change, with who the server says it is: once for each
    /// node of a cluster. Asking takes the permission for INFO.
    std::function<void(const redis_identity&)> on_identity{};
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

    /// Every key can be asked for: of a cluster, all nodes that serve slots are connected to.
    [[nodiscard]] bool connected() const noexcept;

    /// Sends a command and waits for its reply. An error reply becomes an error (see to_error), so the value
    /// is never one at the top level. errc::unavailable: no connection, or too much is queued.
    /// A reply that says that the server has lost its role (READONLY …) also ends the connection, so that the
    /// next one can find the new primary. errc::deadline_exceeded: no reply within `limit`. That drops the
    /// connection, for a server that is late once is late for everybody: give the time a healthy server
    /// needs, not what is left of a request. Blocking commands (BLPOP …) need a connection of their own: see
    /// waiter.
    /// In a cluster the command goes to the node that serves the slot of its first key, and follows the slot
    /// (MOVED, ASK) or waits for it (TRYAGAIN, CLUSTERDOWN) until `limit`. All keys of a command must be in
    /// one slot: give them a common hash tag ("j:{a.1}:due"), else it is errc::internal. A command without a
    /// key goes to any node. errc::unavailable: that node is away; others go on.
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
    /// and EXEC. Fails as a whole, as `command` does; then some of them may have been carried out. In a
    /// cluster it is one piece per slot, all under way at once; with MULTI it is one, of one slot.
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
    struct inside;

    std::shared_ptr<inside> inside_;  // shared with the commands under way
};

}  // namespace bulkhead::redis
