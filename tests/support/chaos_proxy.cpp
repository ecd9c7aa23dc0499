// SPDX-License-Identifier: Apache-2.0
#include "support/chaos_proxy.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <list>
#include <thread>

#include "support/chaos_link.hpp"

namespace bulkhead::testing {

struct chaos_proxy::parts {
    parts(const std::string& host, std::uint16_t port)
        : server(net::ip::make_address(host), port),
          acceptor(context.get_executor(), tcp::endpoint(net::ip::address_v4::loopback(), 0)),
          listening(acceptor.local_endpoint().port()) {
        net::co_spawn(context, accept(), net::detached);
        thread = std::thread([this] { context.run(); });
    }
    ~parts() {
        on_thread([this] {
            for_each([](chaos_link& link) { link.end(true); });
            error_code ignored;
            acceptor.close(ignored);
            context.stop();
        });
        thread.join();
    }

    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void()>& work) {
        std::promise<void> done;
        net::post(context, [&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }

    void for_each(const std::function<void(chaos_link&)>& act) {
        std::erase_if(links, [](const auto& each) { return each.expired(); });
        for (const auto& each : links)
            if (const auto link = each.lock()) act(*link);
    }

    awaitable<void> accept() {
        for (;;) {
            auto [failed, client] = co_await acceptor.async_accept(use_tuple);
            if (failed == net::error::operation_aborted) co_return;
            if (failed || weather.refusing) continue;  // closed here
            auto link = std::make_shared<chaos_link>(std::move(client), context.get_executor(), weather);
            for_each([](chaos_link&) {});
            links.push_back(link);
            net::co_spawn(context, chaos_link::run(std::move(link), server), net::detached);
        }
    }

    chaos_weather weather;  // before the context: what is left in it when it ends still counts itself out
    net::io_context context{1};
    const tcp::endpoint server;
    tcp_acceptor acceptor;
    const std::uint16_t listening;
    std::list<std::weak_ptr<chaos_link>> links;
    std::thread thread;
};

chaos_proxy::chaos_proxy(std::string host, std::uint16_t port)
    : parts_(std::make_unique<parts>(host, port)) {}

chaos_proxy::~chaos_proxy() = default;

std::uint16_t chaos_proxy::port() const noexcept { return parts_->listening; }

void chaos_proxy::set(toward direction, const faults& wanted) {
    parts_->on_thread([&] {
        (direction == toward::server ? parts_->weather.to_server : parts_->weather.to_client) = wanted;
        parts_->for_each([](chaos_link& link) { link.stir(); });
    });
}

void chaos_proxy::clear() {
    refuse(false);
    set(toward::server, {});
    set(toward::client, {});
}

void chaos_proxy::refuse(bool wanted) {
    parts_->on_thread([&] { parts_->weather.refusing = wanted; });
}

void chaos_proxy::cut() {
    parts_->on_thread([this] { parts_->for_each([](chaos_link& link) { link.end(false); }); });
}

void chaos_proxy::reset() {
    parts_->on_thread([this] { parts_->for_each([](chaos_link& link) { link.end(true); }); });
}

chaos_proxy::totals chaos_proxy::seen() {
    totals out;
    parts_->on_thread([&] { out = parts_->weather.counts; });
    return out;
}

}  // namespace bulkhead::testing
