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
    constexpr std::array<std::pair<std::string_view, redis_error_kind>, 9> words{{
        {"LOADING", loading},
        {"READONLY", readonly},
        {"OOM", oom},
        {"NOAUTH", noauth},
        {"WRONGPASS", wrongpass},
        {"MISCONF", misconf},
        {"BUSY", busy},
        {"NOSCRIPT", noscript},
        {"MASTERDOWN", loading},  // a replica that has no data yet
    }};
    const auto word = message.substr(0, message.find(' '));
    for (const auto& [name, kind] : words)
        if (word == name) return kind;
    // Redis 5 and older say it in a sentence.
    return message.starts_with("ERR invalid password") ? wrongpass : other;
}

bulkhead::error to_error(const redis_error& reply) {
    const bool is_bug = reply.kind == redis_error_kind::other || reply.kind == redis_error_kind::noscript;
    if (is_bug) return {.code = errc::internal, .detail = "A command to the cache was refused."};
    return {.code = errc::unavailable, .detail = "The cache cannot answer right now."};
}

}  // namespace bulkhead::redis
