// SPDX-License-Identifier: Apache-2.0
// A Lua script for Redis and the name the server knows it by. A constant: made once at start-up, read by any
// thread. redis_client::run runs it.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::redis {

class script {
public:
    /// KEYS and ARGV are what `run` is given.
    explicit script(std::string_view source);

    [[nodiscard]] const std::string& source() const noexcept { return source_; }
    /// Of the source, in lower-case hex: the argument of EVALSHA.
    [[nodiscard]] const std::string& sha1() const noexcept { return sha1_; }

private:
    std::string source_;
    std::string sha1_;
};

}  // namespace bulkhead::redis
