// SPDX-License-Identifier: Apache-2.0
// What Redis answers (RESP2), as values. An error reply is a value too, because it can stand inside an array
// (EXEC). Plain data without a thread rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"

namespace bulkhead::redis {

/// The error replies that callers treat differently; the first word of the message decides.
enum class redis_error_kind {
    loading,      // the server still reads its data set
    readonly,     // a replica, or a server that lost its role
    masterdown,   // a replica that may not serve what it has
    unblocked,    // a blocking command was ended because the server lost its role
    oom,          // over maxmemory and nothing may be evicted
    noauth,       // no password was given
    wrongpass,    // user or password is wrong
    noperm,       // the user may not run this command or touch this key
    misconf,      // snapshots fail, so writes are refused
    noreplicas,   // too few replicas follow, so writes are refused
    busy,         // a script runs for too long
    noscript,     // EVALSHA of a script the server does not have
    clusterdown,  // no node serves the slot
    tryagain,     // the slot is on its way to another node
    moved,        // another node of the cluster serves the slot
    ask,          // the same, for now
    execabort,    // EXEC of a transaction that had an error before
    wrongtype,    // the key holds another type
    other,
};

struct redis_error {
    redis_error_kind kind = redis_error_kind::other;
    std::string message;  // as the server sent it: for logs, not for clients
};

struct redis_status {
    std::string text;  // "OK", "PONG", "QUEUED"
};

struct redis_nil {};

struct redis_reply {
    using array = std::vector<redis_reply>;

    std::variant<redis_nil, std::int64_t, std::string, redis_status, array, redis_error> value{};

    [[nodiscard]] bool is_nil() const noexcept { return std::holds_alternative<redis_nil>(value); }
    /// The number; nullopt for any other type.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    /// The bytes of a bulk string or the text of a status; nullopt for any other type. Valid as long as the
    /// reply.
    [[nodiscard]] std::optional<std::string_view> text() const noexcept;
    /// nullptr when it is not an array.
    [[nodiscard]] const array* elements() const noexcept { return std::get_if<array>(&value); }
    /// nullptr when it is not an error.
    [[nodiscard]] const redis_error* error() const noexcept { return std::get_if<redis_error>(&value); }
};

/// The kind that a message like "LOADING Redis is loading the dataset in memory" means.
redis_error_kind classify_redis_error(std::string_view message) noexcept;

/// An error reply in the vocabulary of the program. errc::unavailable: states that pass, and what an operator
/// can repair while the program runs (credentials, permissions, memory, roles). errc::internal: a bug of the
/// caller, or a node of a cluster that was taken for a single server. EXECABORT is what its cause is, when
/// the server tells. Carries nothing of the server's message.
bulkhead::error to_error(const redis_error& reply);

/// The server has lost its role or has forgotten us: a new connection may reach another server, or be let in
/// again, this one will not do.
bool needs_new_connection(redis_error_kind kind) noexcept;

}  // namespace bulkhead::redis
