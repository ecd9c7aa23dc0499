// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/reply.hpp"

#include <array>
#include <utility>

namespace bulkhead::redis {

std::optional<std::int64_t> redis_reply::integer() const noexcept {
    const auto* number = std::get_if<std::int64_t>(&value);
    return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::string_view> redis_reply::text() const noexcept {
    if (const auto* bytes = std::get_if<std::string>(&value)) return *bytes;
    if (const auto* status = std::get_if<redis_status>(&value)) return status->text;
    return std::nullopt;
}

redis_error_kind classify_redis_error(std::string_view message) noexcept {
    using enum redis_error_kind;
    constexpr std::array<std::pair<std::string_view, redis_error_kind>, 18> words{{
        {"LOADING", loading},
        {"READONLY", readonly},
        {"MASTERDOWN", masterdown},
        {"UNBLOCKED", unblocked},
        {"OOM", oom},
        {"NOAUTH", noauth},
        {"WRONGPASS", wrongpass},
        {"NOPERM", noperm},
        {"MISCONF", misconf},
        {"NOREPLICAS", noreplicas},
        {"BUSY", busy},
        {"NOSCRIPT", noscript},
        {"CLUSTERDOWN", clusterdown},
        {"TRYAGAIN", tryagain},
        {"MOVED", moved},
        {"ASK", ask},
        {"EXECABORT", execabort},
        {"WRONGTYPE", wrongtype},
    }};
    const auto word = message.substr(0, message.find(' '));
    for (const auto& [name, kind] : words)
        if (word == name) return kind;
    // Redis 5 and older say it in a sentence.
    return message.starts_with("ERR invalid password") ? wrongpass : other;
}

namespace {

/// What EXECABORT says to be its reason, since Redis 7.
redis_error_kind cause_of_abort(std::string_view message) noexcept {
    constexpr std::string_view before = "because of: ";
    const auto at = message.find(before);
    if (at == std::string_view::npos) return redis_error_kind::other;
    return classify_redis_error(message.substr(at + before.size()));
}

bool is_passing(redis_error_kind kind) noexcept {
    switch (kind) {
        using enum redis_error_kind;
        case loading:
        case readonly:
        case masterdown:
        case unblocked:
        case oom:
        case noauth:
        case wrongpass:
        case noperm:
        case misconf:
        case noreplicas:
        case busy:
        case clusterdown:
        case tryagain: return true;
        case noscript:
        case moved:
        case ask:
        case execabort:
        case wrongtype:
        case other: break;
    }
    return false;
}

}  // namespace

bulkhead::error to_error(const redis_error& reply) {
    const auto kind = reply.kind == redis_error_kind::execabort ? cause_of_abort(reply.message) : reply.kind;
    if (is_passing(kind)) return {.code = errc::unavailable, .detail = "The cache cannot answer right now."};
    return {.code = errc::internal, .detail = "A command to the cache was refused."};
}

bool needs_new_connection(redis_error_kind kind) noexcept {
    using enum redis_error_kind;
    return kind == readonly || kind == masterdown || kind == unblocked || kind == noauth;
}

}  // namespace bulkhead::redis
