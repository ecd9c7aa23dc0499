// SPDX-License-Identifier: Apache-2.0
// --healthcheck: a second, short-lived process of the same program asks the one that serves whether requests
// may come. For container engines, which want an exit status and have no HTTP client. Blocking; plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "config/settings.hpp"

namespace bulkhead::service {

struct health_answer {
    bool ready = false;
    std::string text{};  // one line: "ready", or what is wrong
};

/// GET /health/ready of the operator's port, which answers on `bind` (the address of OPS_BIND; "any"
/// addresses are asked on loopback). `patience` covers all of it, connecting included.
health_answer ask_health(const std::string& bind, std::uint16_t port, std::chrono::milliseconds patience);

/// Asks for the program with these settings, and prints the line: to stdout and status 0 when it is ready, to
/// stderr and status 1 otherwise.
int print_health(const config::settings& of);

}  // namespace bulkhead::service
