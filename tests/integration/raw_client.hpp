// SPDX-License-Identifier: Apache-2.0
// A client that sends the bytes it is told to and splits what comes back into answers. Blocking, one thread;
// every wait ends after a few seconds. Failures of the socket throw std::runtime_error, the end of the stream
// is visible.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/text.hpp"

namespace bulkhead::testing {

/// One response. code 0: the connection ended before it was whole.
struct answer {
    unsigned code = 0;
    std::string head{};
    std::string body{};

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != std::string::npos; }
    [[nodiscard]] std::string header(std::string_view name) const {
        const auto at = find(name);
        if (at == std::string::npos) return "";
        return head.substr(at, head.find("\r\n", at) - at);
    }

private:
    [[nodiscard]] std::size_t find(std::string_view name) const {
        const auto at = head.find("\r\n" + std::string(name) + ": ");
        return at == std::string::npos ? at : at + 2 + name.size() + 2;
    }
};

class raw_client {
public:
    explicit raw_client(std::uint16_t port) : raw_client() { connect(port); }
    raw_client(raw_client&& other) noexcept
        : socket_(std::exchange(other.socket_, -1)),
          received_(std::move(other.received_)),
          reads_(other.reads_),
          reset_(other.reset_) {}
    raw_client& operator=(raw_client&&) = delete;
    ~raw_client() { close(); }

    static raw_client unconnected() { return raw_client(); }
    static bool connects(std::uint16_t port) {
        raw_client probe;
        return probe.try_connect(port);
    }

    void connect(std::uint16_t port) {
        if (!try_connect(port)) throw std::runtime_error("cannot connect");
    }
    /// False: nobody listens.
    bool try_connect(std::uint16_t port) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return ::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    }
    void close() {
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    }
    void close_sending() { ::shutdown(socket_, SHUT_WR); }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) throw std::runtime_error("cannot send");
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    /// Sends `bytes` again and again, at most `times`, until the server will not have more.
    void send_while_open(std::string_view bytes, int times, std::chrono::milliseconds pause = {}) {
        for (int i = 0; i < times; ++i) {
            if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) <= 0) return;
            std::this_thread::sleep_for(pause);
        }
    }

    /// The next answer; `without_body` for HEAD.
    answer read_answer(bool without_body = false) {
        std::size_t end = 0;
        while ((end = received_.find("\r\n\r\n")) == std::string::npos)
            if (!read_more()) return {};
        answer out;
        out.head = received_.substr(0, end + 2);
        received_.erase(0, end + 4);
        const auto length = without_body ? "" : out.header("Content-Length");
        const auto size = length.empty() ? 0 : std::stoul(length);
        while (received_.size() < size)
            if (!read_more()) return {};
        out.body = received_.substr(0, size);
        received_.erase(0, size);
        if (received_.empty()) received_.shrink_to_fit();  // tests weigh the server, in the same process
        out.code = static_cast<unsigned>(std::stoul(out.head.substr(9, 3)));
        return out;
    }

    /// Everything until the server closes or resets. Throws when it does neither in time.
    std::string read_to_end() {
        while (read_more()) {
        }
        return std::exchange(received_, {});
    }

    /// The next bytes, as they come; nothing: the connection has ended.
    std::string read_bytes() {
        if (received_.empty()) read_more();
        return std::exchange(received_, {});
    }
    /// The connection ends, in whatever way.
    bool is_ended() {
        read_to_end();
        return true;
    }
    /// The connection ends by a reset.
    bool is_reset() {
        read_to_end();
        return reset_;
    }
    /// Whether the connection has ended by a reset so far.
    [[nodiscard]] bool was_reset() const {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == ECONNRESET;
    }

    /// How many reads brought something.
    [[nodiscard]] int reads() const noexcept { return reads_; }

private:
    raw_client() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (socket_ < 0) throw std::runtime_error("no socket");
        const timeval patience{5, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    bool read_more() {
        std::array<char, 256 * 1024> chunk;
        const auto count = ::recv(socket_, chunk.data(), chunk.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            throw std::runtime_error("the server is silent");
        if (count < 0 && errno == ECONNRESET) reset_ = true;
        if (count <= 0) return false;
        ++reads_;
        received_.append(chunk.data(), static_cast<std::size_t>(count));
        return true;
    }

    int socket_;
    std::string received_{};
    int reads_ = 0;
    bool reset_ = false;
};

}  // namespace bulkhead::testing
