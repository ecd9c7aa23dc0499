// SPDX-License-Identifier: Apache-2.0
#include "support/servers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace bulkhead::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 90s;  // sanitizers and a busy machine included
constexpr auto script = BULKHEAD_SOURCE_DIR "/infra/scripts/private-servers";

[[noreturn]] void give_up(const char* what, int error) {
    throw std::system_error(error, std::generic_category(), what);
}

struct pipe_ends {
    int read = -1;
    int write = -1;
};

// Close-on-exec, so that no other child of the test keeps the servers alive.
pipe_ends open_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) give_up("pipe2", errno);
    return {ends[0], ends[1]};
}

void close_end(int& end) noexcept {
    if (end >= 0) close(end);
    end = -1;
}

}  // namespace

servers::servers() {
    try {
        spawn();
        for (auto line = read_line(); line != "READY"; line = read_line()) {
            if (line.starts_with("DATABASE_URL=")) database_url_ = line.substr(line.find('=') + 1);
            if (line.starts_with("REDIS_URL=")) redis_url_ = line.substr(line.find('=') + 1);
        }
    } catch (...) {
        close_all();
        throw;
    }
}

servers::~servers() { close_all(); }

void servers::spawn() {
    auto in = open_pipe();
    auto out = open_pipe();
    to_ = in.write;
    from_ = out.read;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
    std::string program = script;
    std::string verb = "run";
    char* arguments[] = {program.data(), verb.data(), nullptr};
    const int failed = posix_spawn(&process_, script, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close_end(in.read);
    close_end(out.write);
    if (failed != 0) {
        process_ = -1;
        give_up(script, failed);
    }
}

std::string servers::read_line() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (const auto end = buffer_.find('\n'); end != std::string::npos) {
            auto line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return line;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd readable{from_, POLLIN, 0};
        if (left <= 0ms || poll(&readable, 1, static_cast<int>(left.count())) == 0) {
            throw std::runtime_error("the private servers do not answer");
        }
        char bytes[512];
        const auto count = read(from_, bytes, sizeof bytes);
        if (count == 0) throw std::runtime_error("the private servers ended; their messages are above");
        if (count < 0 && errno != EINTR) give_up("read", errno);
        if (count > 0) buffer_.append(bytes, static_cast<std::size_t>(count));
    }
}

void servers::command(std::string_view line) {
    const auto text = fmt::format("{}\n", line);
    // One line is far below PIPE_BUF: written whole or not at all.
    if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up("write", errno);
    if (const auto answer = read_line(); answer != "ok") {
        throw std::runtime_error(fmt::format("private servers, {}: {}", line, answer));
    }
}

void servers::close_all() noexcept {
    close_end(to_);
    if (process_ > 0) {
        while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    process_ = -1;
    close_end(from_);
}

std::string servers::database_url(std::string_view database) const {
    return fmt::format("{}{}", database_url_.substr(0, database_url_.rfind('/') + 1), database);
}

std::string servers::execute(std::string_view database, std::string_view sql) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(database_url(database).c_str()),
                                                                  &PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection.get()));
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), std::string(sql).c_str()), &PQclear);
    switch (PQresultStatus(result.get())) {
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: return {};
        case PGRES_TUPLES_OK:
            return PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0)
                                                                              : "";
        default: throw std::runtime_error(fmt::format("{}in: {}", PQerrorMessage(connection.get()), sql));
    }
}

servers& shared_servers() {
    static servers instance;
    return instance;
}

}  // namespace bulkhead::testing
