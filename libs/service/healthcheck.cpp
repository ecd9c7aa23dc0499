// SPDX-License-Identifier: Apache-2.0
#include "service/healthcheck.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <expected>
#include <iostream>
#include <system_error>
#include <utility>

#include "base/json.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::service {
namespace {

using boost::asio::ip::tcp;
using outcome = std::expected<void, std::string>;

/// Less than the timeout that engines are told (5 s), so that they see our words and not theirs.
constexpr std::chrono::seconds patience_of_engines{4};

/// A non-blocking socket whose every wait ends at the deadline.
class connection {
public:
    explicit connection(runtime::deadline until) : until_(until) {}
    ~connection() {
        if (socket_ >= 0) ::close(socket_);
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    outcome open(const tcp::endpoint& to) {
        socket_ = ::socket(to.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) return why(errno);
        if (::connect(socket_, to.data(), static_cast<socklen_t>(to.size())) == 0) return {};
        if (errno != EINPROGRESS) return why(errno);
        if (auto ok = wait(POLLOUT); !ok) return ok;
        int failure = 0;
        socklen_t size = sizeof failure;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) return why(failure);
        return {};
    }

    outcome write(std::string_view text) {
        while (!text.empty()) {
            const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent > 0) {
                text.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno != EAGAIN && errno != EINTR) {
                return why(errno);
            } else if (auto ok = wait(POLLOUT); !ok) {
                return ok;
            }
        }
        return {};
    }

    /// Up to the end of what comes; an answer that is longer than any of ours is cut.
    std::expected<std::string, std::string> read_all() {
        constexpr std::size_t most = 16 * 1024;
        std::string out;
        std::array<char, 4096> piece{};
        while (out.size() < most) {
            const auto count = ::recv(socket_, piece.data(), piece.size(), 0);
            if (count == 0) break;
            if (count > 0) {
                out.append(piece.data(), static_cast<std::size_t>(count));
            } else if (errno != EAGAIN && errno != EINTR) {
                return std::unexpected(std::generic_category().message(errno));
            } else if (auto ok = wait(POLLIN); !ok) {
                return std::unexpected(std::move(ok.error()));
            }
        }
        return out;
    }

private:
    static outcome why(int code) { return std::unexpected(std::generic_category().message(code)); }

    outcome wait(short events) {
        pollfd one{.fd = socket_, .events = events, .revents = 0};
        for (;;) {
            const auto left = static_cast<int>(until_.remaining().count());
            if (left == 0) return std::unexpected(std::string("it did not answer in time"));
            const int ready = ::poll(&one, 1, left);
            if (ready > 0) return {};
            if (ready < 0 && errno != EINTR) return why(errno);
        }
    }

    runtime::deadline until_;
    int socket_ = -1;
};

/// A program that listens everywhere is asked where nobody else can be.
boost::asio::ip::address asked_address(const std::string& bind) {
    boost::system::error_code wrong;
    auto out = boost::asio::ip::make_address(bind, wrong);
    if (wrong) return boost::asio::ip::address_v4::loopback();
    if (!out.is_unspecified()) return out;
    if (out.is_v6()) return boost::asio::ip::address_v6::loopback();
    return boost::asio::ip::address_v4::loopback();
}

/// What a problem document says of itself; empty when it is none.
std::string detail_of(std::string_view body) {
    const auto document = parse_json(body);
    if (!document || !document->is_object()) return {};
    const auto* const detail = document->get_object().if_contains("detail");
    return detail && detail->is_string() ? std::string(std::string_view(detail->get_string()))
                                         : std::string();
}

health_answer judge(std::string_view answer) {
    constexpr std::string_view version = "HTTP/1.1 ";
    const auto status = answer.starts_with(version) ? answer.substr(version.size(), 3) : std::string_view();
    if (status == "200") return {.ready = true, .text = "ready"};
    if (status.size() != 3) return {.text = "not ready: what answers there is no HTTP server"};
    const auto end = answer.find("\r\n\r\n");
    const auto detail = end == answer.npos ? std::string() : detail_of(answer.substr(end + 4));
    return {.text = detail.empty() ? fmt::format("not ready: status {}", status)
                                   : fmt::format("not ready: {}", detail)};
}

}  // namespace

health_answer ask_health(const std::string& bind, std::uint16_t port, std::chrono::milliseconds patience) {
    const tcp::endpoint to(asked_address(bind), port);
    const auto host = to.address().is_v6() ? fmt::format("[{}]:{}", to.address().to_string(), port)
                                           : fmt::format("{}:{}", to.address().to_string(), port);
    const auto failed = [&](const std::string& reason) {
        return health_answer{.text = fmt::format("not ready: {}: {}", host, reason)};
    };
    connection asking(runtime::deadline::in(patience));
    if (const auto ok = asking.open(to); !ok) return failed(ok.error());
    const auto request = fmt::format(
        "GET /health/ready HTTP/1.1\r\nHost: {}\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n",
        host);
    if (const auto ok = asking.write(request); !ok) return failed(ok.error());
    const auto answer = asking.read_all();
    return answer ? judge(*answer) : failed(answer.error());
}

int print_health(const config::settings& of) {
    const auto answer = ask_health(of.ops_bind, of.ops_port, patience_of_engines);
    (answer.ready ? std::cout : std::cerr) << answer.text << '\n';
    return answer.ready ? 0 : 1;
}

}  // namespace bulkhead::service
