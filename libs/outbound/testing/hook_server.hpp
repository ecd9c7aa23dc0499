// SPDX-License-Identifier: Apache-2.0
// A receiver of webhooks for tests: takes one connection after the other on a loopback address, reads one
// request and sends back the bytes it was told to. Plain or TLS. A thread of its own; ends with the object,
// whatever clients do.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/certificates.hpp"

namespace bulkhead::testing {

class hook_server {
    using tcp = boost::asio::ip::tcp;

public:
    /// Sends `piece` and says whether there is more to send.
    using answer = std::function<bool(std::string& piece)>;

    explicit hook_server(std::string reply, const std::string& address = "127.0.0.1")
        : hook_server(once(std::move(reply)), address, {}) {}
    /// With `files`: TLS.
    hook_server(answer reply, const std::string& address, std::optional<certificate_files> files)
        : reply_(std::move(reply)),
          acceptor_(context_, tcp::endpoint(boost::asio::ip::make_address(address), 0)) {
        if (files) {
            tls_.emplace(boost::asio::ssl::context::tls_server);
            tls_->use_certificate_chain_file(files->certificate);
            tls_->use_private_key_file(files->key, boost::asio::ssl::context::pem);
        }
        thread_ = std::thread([this] { serve(); });
    }
    ~hook_server() {
        {
            const std::lock_guard lock(guard_);
            stopping_ = true;
            if (peer_) peer_->shutdown(tcp::socket::shutdown_both, ignored_);
        }
        changed_.notify_all();
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    hook_server(const hook_server&) = delete;
    hook_server& operator=(const hook_server&) = delete;

    /// Sends everything in one piece.
    static answer once(std::string all) {
        return [all = std::move(all)](std::string& piece) {
            piece = all;
            return false;
        };
    }

    [[nodiscard]] std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
    [[nodiscard]] std::size_t connections() const {
        const std::lock_guard lock(guard_);
        return connections_;
    }
    /// Requests so far, heads and bodies as they came.
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::lock_guard lock(guard_);
        return requests_;
    }
    /// Waits, for a few seconds at most, until so many requests have come.
    bool wait_for(std::size_t count) {
        std::unique_lock lock(guard_);
        return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return requests_.size() >= count; });
    }

private:
    void serve() {
        for (;;) {
            tcp::socket socket(context_);
            acceptor_.accept(socket, ignored_);
            {
                const std::lock_guard lock(guard_);
                if (stopping_) return;
                ++connections_;
                peer_ = &socket;
            }
            talk(socket);
            const std::lock_guard lock(guard_);
            peer_ = nullptr;
        }
    }

    void talk(tcp::socket& socket) {
        if (!tls_) return exchange(socket);
        boost::asio::ssl::stream<tcp::socket&> stream(socket, *tls_);
        boost::system::error_code failed;
        stream.handshake(boost::asio::ssl::stream_base::server, failed);
        if (failed) return;
        exchange(stream);
        stream.shutdown(failed);
    }

    template <class Stream>
    void exchange(Stream& stream) {
        boost::system::error_code failed;
        std::string received;
        const auto head =
            boost::asio::read_until(stream, boost::asio::dynamic_buffer(received), "\r\n\r\n", failed);
        const auto rest = failed ? 0 : head + content_length(received.substr(0, head));
        if (!failed && received.size() < rest)
            boost::asio::read(stream, boost::asio::dynamic_buffer(received),
                              boost::asio::transfer_exactly(rest - received.size()), failed);
        if (failed) return;
        {
            const std::lock_guard lock(guard_);
            requests_.push_back(received);
        }
        changed_.notify_all();
        std::string piece;
        for (bool more = true; more && !failed;) {
            more = reply_(piece);
            boost::asio::write(stream, boost::asio::buffer(piece), failed);
            if (piece.empty()) hold_on();
        }
    }

    /// A server that says nothing (more): until the end.
    void hold_on() {
        std::unique_lock lock(guard_);
        changed_.wait(lock, [this] { return stopping_; });
    }

    static std::size_t content_length(const std::string& head) {
        const std::string name = "Content-Length: ";
        const auto at = head.find(name);
        return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
    }

    answer reply_;
    boost::asio::io_context context_;
    tcp::acceptor acceptor_;
    std::optional<boost::asio::ssl::context> tls_;
    boost::system::error_code ignored_;
    mutable std::mutex guard_;
    std::condition_variable changed_;
    bool stopping_ = false;
    tcp::socket* peer_ = nullptr;
    std::size_t connections_ = 0;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace bulkhead::testing
