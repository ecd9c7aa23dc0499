// SPDX-License-Identifier: Apache-2.0
// A redis-server of a test's own, with the configuration it needs (TLS, users, roles), to be killed, frozen
// and reconfigured while others use the shared one. It ends with the test program however that ends. Blocks;
// throws std::runtime_error.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "persistence/redis/endpoint.hpp"

namespace bulkhead::testing {

/// A directory that is removed with this object.
class temporary_directory {
public:
    temporary_directory() {
        std::string name = "/tmp/bulkhead-test-XXXXXX";
        if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

class redis_server {
public:
    using strings = std::vector<std::string>;

    /// `settings` are more arguments of redis-server, e.g. {"--requirepass", "hush"}. `configuration`: the
    /// text of a file that the server also reads, and may rewrite.
    explicit redis_server(strings settings = {}, bool tls = false, const std::string& configuration = {})
        : settings_(std::move(settings)), port_(free_port()), tls_port_(tls ? free_port() : 0) {
        if (!configuration.empty()) std::ofstream(file_ = home_.path() + "/redis.conf") << configuration;
        for (int left = 4; !starts(left == 0); --left) {  // somebody else was quicker to take a port
            port_ = free_port();
            if (tls) tls_port_ = free_port();
        }
    }
    ~redis_server() { kill(); }
    redis_server(const redis_server&) = delete;
    redis_server& operator=(const redis_server&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::uint16_t tls_port() const noexcept { return tls_port_; }
    [[nodiscard]] std::string unix_path() const { return home_.path() + "/redis.sock"; }
    [[nodiscard]] redis::redis_endpoint endpoint() const { return {.port = port_}; }

    /// On the same ports. Returns when it answers, if only that it still loads.
    void start(const strings& more = {}) {
        strings argv{"setpriv", "--pdeathsig", "KILL", "redis-server"};
        if (!file_.empty()) argv.push_back(file_);
        const strings usual{"--port",
                            std::to_string(port_),
                            "--bind",
                            "127.0.0.1",
                            "--dir",
                            home_.path(),
                            "--unixsocket",
                            unix_path(),
                            "--logfile",
                            home_.path() + "/log",
                            "--save",
                            "",
                            "--enable-debug-command",
                            "local"};
        argv.insert(argv.end(), usual.begin(), usual.end());
        if (tls_port_) argv.insert(argv.end(), {"--tls-port", std::to_string(tls_port_)});
        argv.insert(argv.end(), settings_.begin(), settings_.end());
        argv.insert(argv.end(), more.begin(), more.end());
        std::vector<char*> arguments;
        for (auto& argument : argv) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        if (posix_spawnp(&process_, "setpriv", nullptr, nullptr, arguments.data(), environ) != 0)
            throw std::runtime_error("redis-server cannot be started");
        wait_until_it_answers();
    }

    void kill() noexcept {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
        process_ = -1;
        unlink(unix_path().c_str());
    }

    /// It keeps its connections and says nothing, as a host behind a cut cable does.
    void freeze() const noexcept { ::kill(process_, SIGSTOP); }
    void thaw() const noexcept { ::kill(process_, SIGCONT); }

    /// Runs a command over the Unix socket, after AUTH with `password` when it is not empty. The text of the
    /// reply, or of its first element; numbers as digits.
    std::string admin(const strings& argv, const std::string& password = {}) const {
        const auto connection = connect();
        if (!connection) throw std::runtime_error("redis-server is away");
        if (!password.empty()) command(*connection, {"AUTH", password});
        return command(*connection, argv);
    }

    /// Below the range that the kernel gives to outgoing connections.
    static std::uint16_t free_port() {
        for (int i = 0; i < 1000; ++i) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            const auto port = static_cast<std::uint16_t>(15000 + static_cast<int>(jitter() * 17000));
            address.sin_port = htons(port);
            const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool is_free =
                bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
            close(socket);
            if (is_free) return port;
        }
        throw std::runtime_error("no free port");
    }

private:
    using connection_ptr = std::unique_ptr<redisContext, decltype(&redisFree)>;

    bool starts(bool or_throw) {
        try {
            start();
            return true;
        } catch (const std::runtime_error&) {
            if (or_throw) throw;
            kill();
            return false;
        }
    }

    [[nodiscard]] connection_ptr connect() const {
        connection_ptr connection(redisConnectUnixWithTimeout(unix_path().c_str(), {10, 0}), &redisFree);
        if (connection && connection->err == 0) redisSetTimeout(connection.get(), {10, 0});
        if (connection && connection->err != 0) connection.reset();
        return connection;
    }

    static std::string command(redisContext& connection, const strings& argv) {
        std::vector<const char*> texts;
        std::vector<std::size_t> sizes;
        for (const auto& argument : argv) {
            texts.push_back(argument.data());
            sizes.push_back(argument.size());
        }
        const auto count = static_cast<int>(argv.size());
        const std::unique_ptr<void, decltype(&freeReplyObject)> owner(
            redisCommandArgv(&connection, count, texts.data(), sizes.data()), &freeReplyObject);
        const auto* reply = static_cast<const redisReply*>(owner.get());
        if (!reply) throw std::runtime_error(fmt::format("redis-server, {}: {}", argv[0], connection.errstr));
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) reply = reply->element[0];
        if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
        return reply->str ? std::string(reply->str, reply->len) : std::string();
    }

    /// A server that is just coming up may accept a connection and reset it.
    static bool greets(redisContext& connection) {
        try {
            command(connection, {"PING"});
            return true;
        } catch (const std::runtime_error&) {
            return false;
        }
    }

    void wait_until_it_answers() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < end) {
            if (const auto connection = connect(); connection && greets(*connection)) return;
            if (waitpid(process_, nullptr, WNOHANG) == process_) {
                process_ = -1;
                throw std::runtime_error("redis-server ended at its start");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        throw std::runtime_error("redis-server does not answer");
    }

    temporary_directory home_;
    strings settings_;
    std::string file_;
    std::uint16_t port_;
    std::uint16_t tls_port_;
    pid_t process_ = -1;
};

}  // namespace bulkhead::testing
