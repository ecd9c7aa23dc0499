// SPDX-License-Identifier: Apache-2.0
// RESP2 without a socket: commands become bytes, bytes become replies. hiredis parses; this bounds what a
// faulty or hostile server can make us keep. One reader per connection, used by one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "persistence/redis/reply.hpp"

struct redisReader;

namespace bulkhead::redis {

/// Appends one command as an array of bulk strings; arguments may hold any bytes. `argv` must not be empty.
void append_redis_command(std::string& out, const std::vector<std::string>& argv);

/// Bounds of a single reply.
struct redis_reply_limits {
    std::size_t bytes = 16u << 20;
    std::size_t elements = 1u << 18;  // of all its arrays together
};

class redis_reply_reader {
public:
    explicit redis_reply_reader(redis_reply_limits limits = {});
    redis_reply_reader(const redis_reply_reader&) = delete;
    redis_reply_reader& operator=(const redis_reply_reader&) = delete;

    /// Takes bytes as they came from the socket.
    void feed(std::string_view bytes);

    /// The next complete reply; nullopt when it needs more bytes. An error (not RESP2, or over a limit) is
    /// final: drop the connection.
    [[nodiscard]] result<std::optional<redis_reply>> next();

private:
    struct deleter {
        void operator()(redisReader* reader) const noexcept;
    };

    redis_reply_limits limits_;
    std::size_t elements_left_;  // of the current reply; hiredis' callbacks draw on it through a pointer
    std::size_t unread_ = 0;     // bytes fed that belong to no finished reply
    std::unique_ptr<redisReader, deleter> reader_;
};

}  // namespace bulkhead::redis
