// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pool.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace bulkhead::postgres {
namespace {

bool idle(const std::shared_ptr<connection>& c) { return c->in_flight() == 0; }

error busy() {
    return {.code = errc::unavailable, .detail = "too many requests wait for the database", .retry_after = std::chrono::seconds{1}};
}

}  // namespace

pool::pool(executor ex, conninfo target, const pool_settings& settings, connection_budget& budget,
           runtime::deadline_list& deadlines)
    : executor_(ex),
      target_(std::move(target)),
      settings_(settings),
      budget_(budget),
      deadlines_(deadlines),
      retry_pace_(settings.first_retry, settings.slowest_retry) {}

pool::~pool() { close(); }

/// Starts an operation for a waiting coroutine; named because GCC 12 must not see it as a lambda in co_await.
struct pool::start {
    pool* target;
    operation* op;
    template <class Handler>
    void operator()(Handler&& handler) {
        op->waiter([h = std::forward<Handler>(handler)]() mutable { std::move(h)(); });
        target->begin(*op);
    }
};

awaitable<result<std::vector<result_set>>> pool::run(std::span<const query> statements, intent kind,
                                                     runtime::deadline limit) {
    for (bool repeated = false;; repeated = true) {
        operation op(statements, kind);
        op.expires_at(limit.at());
        deadlines_.add(op);
        co_await net::async_initiate<const net::use_awaitable_t<executor>, void()>(start{this, &op}, use_awaitable);
        const bool again = op.lost() && kind == intent::read && !repeated && !limit.passed() && !closed_;
        if (!again) co_return op.take();
    }
}

void pool::begin(operation& op) {
    if (!closed_ && !refusing() && queue_.empty()) {
        auto* chosen = choose(op.kind());
        if (wants_more(chosen, op.kind())) grow();
        if (chosen) return chosen->submit(op);
    }
    if (!closed_ && !refusing() && queue_.size() < settings_.most_waiting) {
        queue_.push_back(op);
        grow();
        return;
    }
    op.fail(last_failure_ ? *last_failure_ : busy());
    // Never from inside the call that starts it. The deadline may come first, but both run on this reactor and the
    // operation is told once: completing unlinks it from this list.
    queue_.push_back(op);
    net::post(executor_, [self = shared_from_this()] { self->dispatch(); });
}

/// Serves the queue: failed operations are woken, others get a connection while there is one.
void pool::dispatch() {
    while (!queue_.empty()) {
        auto& op = queue_.front();
        if (op.failed()) {
            op.complete();
            continue;
        }
        auto* chosen = choose(op.kind());
        if (wants_more(chosen, op.kind())) grow();
        if (!chosen) return;
        queue_.pop_front();
        chosen->submit(op);
    }
}

/// The open connection with the least to do of this kind; null when all are full.
connection* pool::choose(intent kind) {
    connection* best = nullptr;
    const auto load = [kind](const connection& c) {
        return std::pair(kind == intent::write ? c.writes_in_flight() : c.in_flight(), c.in_flight());
    };
    for (const auto& c : connections_)
        if (c->is_open() && c->in_flight() < settings_.most_in_flight && (!best || load(*c) < load(*best))) best = c.get();
    return best;
}

bool pool::wants_more(const connection* chosen, intent kind) const {
    if (!chosen) return true;
    return kind == intent::write ? chosen->writes_in_flight() > 0 : chosen->in_flight() >= settings_.comfortable_depth;
}

bool pool::refusing() const { return connections_.empty() && steady_clock::now() < refuse_until_; }

void pool::grow() {
    if (closed_ || connecting_ || connections_.size() >= settings_.per_database || steady_clock::now() < refuse_until_) return;
    if (!budget_.acquire(*this)) return;
    connecting_ = true;
    net::co_spawn(executor_, connect_one(shared_from_this()), net::detached);
}

awaitable<void> pool::connect_one(std::shared_ptr<pool> self) {
    auto made = co_await connection::open(self->target_, self->settings_.session,
                                          runtime::deadline::in(self->settings_.connect_timeout), *self, self->deadlines_);
    self->connecting_ = false;
    if (!made || self->closed_) {
        if (made) (*made)->close();
        self->budget_.release();
        if (!self->closed_) self->on_connect_failed(std::move(made.error()));
        co_return;
    }
    self->retry_pace_.reset();
    self->last_failure_.reset();
    self->connections_.push_back(std::move(*made));
    self->dispatch();
}

void pool::on_connect_failed(error why) {
    refuse_until_ = steady_clock::now() + retry_pace_.next();
    last_failure_ = std::move(why);
    if (connections_.empty()) fail_queue(*last_failure_);
}

void pool::fail_queue(const error& why) {
    for (auto& op : queue_) op.fail(why);
    dispatch();
}

void pool::on_change(connection& changed) {
    const auto self = shared_from_this();
    if (!changed.is_open()) {
        remove(changed);
        budget_.release();
        if (connections_.empty() && !queue_.empty()) grow();
    }
    dispatch();
    if (changed.is_open() && changed.in_flight() == 0) budget_.on_idle(*this);
}

void pool::remove(const connection& gone) {
    std::erase_if(connections_, [&](const auto& c) { return c.get() == &gone; });
}

void pool::retry() {
    if (!queue_.empty()) grow();
}

void pool::close() {
    closed_ = true;
    auto open = std::move(connections_);
    connections_.clear();
    for (auto& c : open) {
        c->close();
        budget_.release();
    }
    fail_queue({.code = errc::unavailable, .detail = "the service is stopping"});
}

bool pool::tidy(steady_clock::time_point now) {
    std::vector<std::shared_ptr<connection>> old;
    for (const auto& c : connections_) {
        const auto most_age = settings_.most_age * (1 - c->spread() / 2);
        if (idle(c) && (now - c->idle_since() > settings_.idle_close || now - c->opened_at() > most_age)) old.push_back(c);
    }
    for (const auto& c : old) {
        remove(*c);
        c->close();
        budget_.release();
    }
    return connections_.empty() && queue_.empty() && !connecting_;
}

steady_clock::time_point pool::idlest() const {
    auto since = steady_clock::time_point::max();
    for (const auto& c : connections_)
        if (idle(c)) since = std::min(since, c->idle_since());
    return since;
}

bool pool::close_idlest() {
    const auto since = idlest();
    for (const auto& c : connections_)
        if (idle(c) && c->idle_since() == since) {
            const auto chosen = c;
            remove(*chosen);
            chosen->close();
            budget_.release();
            return true;
        }
    return false;
}

pool_usage pool::usage() const {
    pool_usage out{connections_.size(), 0, 0, static_cast<std::size_t>(queue_.size()), refusing()};
    for (const auto& c : connections_) {
        out.idle += idle(c) ? 1 : 0;
        out.in_flight += c->in_flight();
    }
    return out;
}

}  // namespace bulkhead::postgres
