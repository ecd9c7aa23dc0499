// SPDX-License-Identifier: Apache-2.0
// What a server is doing right now, as /debug/requests shows it and a cut at the end of a shutdown logs it.
// Copies: they may leave the reactor they were made on.
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/asio.hpp"

namespace bulkhead::http {

struct route;

/// head: it is being read, so nothing is known yet; writing: its answer is on its way to a client that does
/// not take it at once.
enum class request_phase { head, body, serving, writing };
inline constexpr std::size_t request_phases = 4;
inline constexpr std::array<std::string_view, request_phases> request_phase_names{"head", "body", "serving",
                                                                                  "writing"};

struct request_report {
    boost::asio::ip::address client{};
    const route* row = nullptr;  // null: unknown, or no row serves it; lives as long as the router
    std::string id{};
    steady_clock::time_point began{};
    request_phase phase = request_phase::serving;
    std::string method{};
    std::string tenant{};  // slug
    std::string user{};    // id
};

struct requests_report {
    std::array<std::size_t, request_phases> in_phase{};
    std::vector<request_report> oldest{};  // the oldest first
};

}  // namespace bulkhead::http
