// SPDX-License-Identifier: Apache-2.0
// What the tests of the HTTP server over real sockets share: a few routes, a server with shortened limits on
// a reactor of this process, and requests. Clients are blocking sockets with a timeout on every wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/testing/catch.hpp"
#include "http/server.hpp"
#include "raw_client.hpp"
#include "running_server.hpp"

namespace bulkhead::testing {

/// The answer of /flood: more than both kernels' socket buffers take.
inline constexpr std::size_t large = 16u << 20;

/// /hello, /echo, /text/{value}, /flood, /slow (300 ms), and two that fail: /fall and /split.
[[nodiscard]] http::router sample_routes();

/// Every wait ends within a second.
[[nodiscard]] http::server_options quick();

/// The routes above on a port of their own.
class sample_server : public running_server {
public:
    explicit sample_server(const http::server_options& options = quick(), std::uint16_t port = 0)
        : running_server(options, sample_routes(), port) {}
};

[[nodiscard]] std::string get(std::string_view path, std::string_view more = "");
/// To /echo.
[[nodiscard]] std::string post(std::string_view body);
inline const std::string chunked_head =
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What holds for every answer, whatever became of the request.
void require_standing(const answer& a);

/// The last answer of a connection: nothing follows it, and the server closes.
void require_last(raw_client& client, unsigned code);

[[nodiscard]] std::chrono::milliseconds since(steady_clock::time_point began);

}  // namespace bulkhead::testing
