// SPDX-License-Identifier: Apache-2.0
// The numbers that pools live by.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "persistence/postgres/pooler.hpp"

namespace bulkhead::postgres {

struct pool_settings {
    session_defaults session{};
    std::optional<postgres::pooler> pooler{};  // on the way to the databases of its server
    std::size_t budget = 16;                   // connections of this reactor, over all databases
    std::size_t per_database = 8;              // of those, for one database
    std::size_t comfortable_depth = 16;        // reads in flight on a connection before another is opened
    std::size_t most_in_flight = 128;          // on one connection; beyond, operations wait in the pool
    std::size_t most_waiting = 1024;           // operations in one pool's queue; beyond, they fail at once
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds retry_pause{
        1'000};  // after a failed connect; up to a quarter more, so that pools do not come back in step
    std::chrono::milliseconds idle_close{60'000};
    std::chrono::milliseconds most_age{30 *
                                       60'000};  // less a random half, so that they do not all go at once
};

}  // namespace bulkhead::postgres
