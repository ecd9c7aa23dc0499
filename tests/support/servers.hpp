// SPDX-License-Identifier: Apache-2.0
// A private PostgreSQL and Redis for integration tests, on free loopback ports, empty but for the database
// "bulkhead". They run for as long as this object lives, and end with the process however it ends, also by
// kill -9: the script infra/scripts/private-servers watches the other end of a pipe. One thread uses an
// object at a time; everything here blocks and throws std::runtime_error when it fails.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace bulkhead::testing {

class servers {
public:
    /// Starts both; takes about half a second, the first time on a machine two seconds.
    servers();
    ~servers();
    servers(const servers&) = delete;
    servers& operator=(const servers&) = delete;

    /// postgresql://bulkhead:<password>@127.0.0.1:<port>/bulkhead, a superuser. Stays the same over restarts.
    [[nodiscard]] const std::string& database_url() const noexcept { return database_url_; }
    /// The same with another database.
    [[nodiscard]] std::string database_url(std::string_view database) const;
    /// redis://:<password>@127.0.0.1:<port>/0
    [[nodiscard]] const std::string& redis_url() const noexcept { return redis_url_; }

    /// For fault tests. stop: a clean shutdown that disconnects everybody. kill: SIGKILL, and recovery at the
    /// next start; Redis loses its data either way. start: on the same port, returns when it accepts
    /// connections.
    void stop_postgres() { command("postgres stop"); }
    void kill_postgres() { command("postgres kill"); }
    void start_postgres() { command("postgres start"); }
    void stop_redis() { command("redis stop"); }
    void kill_redis() { command("redis kill"); }
    void start_redis() { command("redis start"); }

    /// Runs `sql` (one or several statements) as the superuser on a connection of its own and returns the
    /// first column of the last statement's first row, or "" when it gives none.
    std::string execute(std::string_view database, std::string_view sql);

private:
    void spawn();
    std::string read_line();
    void command(std::string_view line);
    void close_all() noexcept;

    pid_t process_ = -1;
    int to_ = -1;    // stdin of the script: closing it ends the servers
    int from_ = -1;  // its stdout
    std::string buffer_;
    std::string database_url_;
    std::string redis_url_;
};

/// The servers of this test program, started at the first call.
servers& shared_servers();

}  // namespace bulkhead::testing
