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
    loading,    // the server still reads its data set
    readonly,   // a replica, or a server that lost its role
    oom,        // over maxmemory and nothing may be evicted
    noauth,     // no password was given
    wrongpass,  // user or password is wrong
    misconf,    // snapshots fail, so writes are refused
    busy,       // a script runs for too long
    noscript,   // EVALSHA of a script the server does not have
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

/// An error reply in the vocabulary of the program: states that pass, and refused credentials, are
/// errc::unavailable; all else is a bug of the caller, errc::internal. Carries nothing of the server's
/// message.
bulkhead::error to_error(const redis_error& reply);

}  // namespace bulkhead::redis
