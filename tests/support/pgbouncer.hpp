// SPDX-License-Identifier: Apache-2.0
// A real PgBouncer in front of the tests' PostgreSQL: transaction mode, on a free loopback port, looking
// passwords up as an operator's would. Ends with this object, or with the process however it ends. One thread
// uses it at a time; everything here blocks and throws std::runtime_error when it fails.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/servers.hpp"

namespace bulkhead::testing {

class pgbouncer {
public:
    /// `pool_size`: sessions at the server for one database and role.
    explicit pgbouncer(const servers& behind, int pool_size = 4);
    ~pgbouncer();
    pgbouncer(const pgbouncer&) = delete;
    pgbouncer& operator=(const pgbouncer&) = delete;

    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] const std::string& port() const noexcept { return port_; }

    /// Kills it and starts another one on the same port.
    void restart();

private:
    void configure(const servers& behind, int pool_size);
    void start();
    void kill_now() noexcept;
    [[nodiscard]] bool answers() const;

    const std::string host_ = "127.0.0.1";
    std::string port_;
    std::string home_;
    pid_t process_ = -1;
};

}  // namespace bulkhead::testing
