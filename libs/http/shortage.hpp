// SPDX-License-Identifier: Apache-2.0
// What a listener does while it cannot accept, because descriptors or memory have run out: says so once, and
// after a while turns away those who wait, who would otherwise believe that they are being served. For that
// it keeps a descriptor in reserve. Belongs to one listener, on its reactor.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "runtime/asio.hpp"

namespace bulkhead::http {

class shortage {
public:
    shortage() { reserve(); }
    ~shortage() { release(); }
    shortage(const shortage&) = delete;
    shortage& operator=(const shortage&) = delete;

    /// Accepting has failed.
    void begin(const error_code& why);
    /// It has succeeded.
    void end();
    /// For longer than descriptors take to come back by themselves.
    [[nodiscard]] bool lasts() const noexcept;

    /// Closes connections that wait to be accepted, a bounded number. Returns how many.
    std::size_t turn_away(tcp_acceptor& from);

private:
    void reserve();
    void release();

    int reserved_ = -1;  // -1: none could be had
    std::optional<steady_clock::time_point> since_{};
};

}  // namespace bulkhead::http
