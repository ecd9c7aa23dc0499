// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pool.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <tuple>

#include "runtime/or_die.hpp"

namespace bulkhead::postgres {
namespace {

using namespace std::chrono_literals;

/// After a failure, an attempt that takes longer than this is likely to fail too: nobody waits for it any
/// more.
constexpr auto hopeful = 200ms;
/// What a pool keeps its only connection for, at least, while others starve: opening one costs several
/// milliseconds.
constexpr auto time_share = 100ms;
/// How long after a refusal a pool that has a connection asks for another one.
constexpr auto modesty = 10ms;

bool idle(const std::shared_ptr<connection>& c) { return c->is_idle(); }

conninfo way_to(const conninfo& target, const pool_settings& settings) {
    return settings.pooler ? settings.pooler->route(target) : target;
}

error unavailable(std::string detail) {
    return {.code = errc::unavailable, .detail = std::move(detail), .retry_after = 1s};
}

}  // namespace

pool::pool(executor ex, std::shared_ptr<const conninfo> target, const pool_settings& settings,
           connection_budget& budget, runtime::deadline_list& deadlines)
    : executor_(ex),
      target_(std::move(target)),
      settings_(settings),
      pooled_(way_to(*target_, settings_).through_pooler),
      most_in_flight_(pooled_ ? 1 : settings.most_in_flight),
      budget_(budget),
      deadlines_(deadlines) {}

pool::~pool() { close(unavailable("nobody needs the database any more")); }

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
    const auto most_undone = settings_.per_database + 1;  // each connection can have a stale plan of its own
    bool repeated = false;
    for (std::size_t undone = 0;;) {
        if (auto why = refusal(limit)) {
            if (!closed_) budget_.counted().refused.add();
            co_await net::post(executor_,
                               use_awaitable);  // whoever tries again at once must not hold up the reactor
            co_return std::unexpected(std::move(*why));
        }
        operation op(statements, kind);
        co_await carry(op, limit);
        if (closed_) co_return op.undone() || op.lost() ? std::unexpected(*closed_) : op.take();
        if (op.never_sent()) budget_.counted().timed_out_waiting.add();
        const bool again = op.undone() ? ++undone <= most_undone
                                       : op.lost() && kind == intent::read && !std::exchange(repeated, true);
        if (!again || limit.passed()) co_return op.take();
    }
}

/// Queues the operation and waits for its end.
awaitable<void> pool::carry(operation& op, runtime::deadline limit) {
    op.expires_at(limit.at());
    deadlines_.add(op);
    return net::async_initiate<const net::use_awaitable_t<executor>, void()>(start{this, &op}, use_awaitable);
}

/// Why nothing is to be sent at all.
std::optional<error> pool::refusal(runtime::deadline limit) const {
    if (closed_) return closed_;
    if (limit.passed())
        return error{.code = errc::deadline_exceeded, .detail = "the request ran out of time"};
    if (refusing()) return last_failure_->told;
    if (queue_.size() >= settings_.most_waiting)
        return unavailable("too many requests wait for the database");
    return std::nullopt;
}

void pool::begin(operation& op) {
    const auto now = steady_clock::now();
    demand_.add(now);
    queue_.push_back(op);
    dispatch();
    if (op.operation_hook::is_linked()) op.waits_since(now);
}

/// Gives connections to those who wait, in order. Wakes nobody.
void pool::dispatch() {
    while (!queue_.empty()) {
        auto& op = queue_.front();
        auto* chosen = choose(op.kind());
        if (wants_more(chosen, op.kind())) grow();
        if (!chosen) return;
        queue_.pop_front();
        if (op.kind() == intent::opening) {
            chosen->lend();
            op.lend(chosen->shared_from_this());
        }
        chosen->submit(op);
    }
}

/// The usable connection with the least to do of this kind; null when all are full. For what opens a
/// transaction, one that has nothing to do.
connection* pool::choose(intent kind) const {
    connection* best = nullptr;
    const auto load = [kind](const connection& c) {
        return std::pair(kind == intent::write ? c.writes_in_flight() : c.in_flight(), c.in_flight());
    };
    const auto most = kind == intent::opening ? 1 : most_in_flight_;
    for (const auto& c : connections_)
        if (c->is_usable() && !c->is_lent() && c->in_flight() < most && (!best || load(*c) < load(*best)))
            best = c.get();
    return best;
}

bool pool::wants_more(const connection* chosen, intent kind) const {
    if (!chosen) return true;
    return kind == intent::write ? chosen->writes_in_flight() > 0
                                 : chosen->in_flight() >= settings_.comfortable_depth;
}

bool pool::refusing() const {
    if (!connections_.empty() || !last_failure_) return false;
    const auto now = steady_clock::now();
    return now < refuse_until_ || (connecting_ && !opening(now));
}

bool pool::opening(steady_clock::time_point now) const {
    return connecting_ && now - connecting_since_ <= hopeful;
}

bool pool::starving() const {
    return !closed_ && !connecting_ && !queue_.empty() && usable() == 0 &&
           connections_.size() < settings_.per_database && steady_clock::now() >= refuse_until_;
}

void pool::grow() {
    const auto now = steady_clock::now();
    if (closed_ || connecting_ || hungry_ || connections_.size() >= settings_.per_database ||
        now < refuse_until_)
        return;
    const bool needed = starving();
    if (!needed && now < ask_again_) return;
    if (!budget_.acquire(*this)) {
        hungry_ = needed;
        ask_again_ = now + modesty;
        return;
    }
    connecting_ = true;
    connecting_since_ = now;
    net::co_spawn(executor_, connect_one(shared_from_this()), or_die);
}

void pool::retry() {
    hungry_ = false;
    if (!queue_.empty()) grow();
}

awaitable<connection::opened> pool::open_connection() {
    const auto limit = runtime::deadline::in(settings_.connect_timeout);
    if (!pooled_) return connection::open(*target_, settings_.session, statement_names::kept, limit, *this);
    session_defaults only_name{.application_name = settings_.session.application_name};
    return connection::open(way_to(*target_, settings_), std::move(only_name), statement_names::none, limit,
                            *this);
}

awaitable<void> pool::connect_one(std::shared_ptr<pool> self) {
    co_await net::post(self->executor_,
                       use_awaitable);  // out of the call that asked: what follows may wake waiters
    auto made = co_await self->open_connection();
    if (self->closed_) {
        if (made) (*made)->close();
        co_return;
    }
    self->connecting_ = false;
    if (!made) co_return self->on_connect_failed(std::move(made.error()));
    self->last_failure_.reset();
    ++self->opened_;
    self->budget_.counted().opened.add();
    self->deadlines_.add(**made);
    self->connections_.push_back(std::move(*made));
    self->dispatch();
    self->budget_.on_progress();
}

void pool::on_connect_failed(connect_failure why) {
    refuse_until_ = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(
                                              settings_.retry_pause * (1 + jitter() / 4));
    last_failure_ = std::move(why);
    budget_.counted().connect_failures.add();
    budget_.release();
    if (connections_.empty()) fail_queue(error(last_failure_->told));
}

void pool::fail_queue(const error& why) {
    operation_queue failed;
    failed.swap(queue_);
    for (auto& op : failed) op.fail(why);
    while (!failed.empty()) failed.front().complete();
}

void pool::on_change(connection& changed) {
    const auto self = shared_from_this();
    const bool unwanted = changed.is_retiring() || (winding_down_ && queue_.empty());
    if (!changed.is_open() || (unwanted && changed.is_idle())) {
        changed.close();
        on_gone(changed);
    }
    dispatch();
    budget_.on_progress();
    // Nothing would wake them: the last attempt failed while there still were connections.
    if (refusing() && !connecting_ && !queue_.empty()) fail_queue(error(last_failure_->told));
}

void pool::on_gone(const connection& gone) {
    std::erase_if(connections_, [&](const auto& c) { return c.get() == &gone; });
    budget_.counted().closed.add();
    budget_.release();
}

void pool::drop(const std::shared_ptr<connection>& chosen) {
    const auto held = chosen;  // it may be named by our own list
    held->close();
    on_gone(*held);
}

void pool::close(error why) {
    if (closed_) return;
    closed_ = why;
    auto open = std::move(connections_);
    connections_.clear();
    if (connecting_) budget_.release();
    budget_.counted().closed.add(open.size());
    for (std::size_t i = 0; i < open.size(); ++i) budget_.release();
    for (const auto& c : open) c->close();
    fail_queue(why);
}

void pool::wind_down() {
    winding_down_ = true;
    tidy(steady_clock::now());
}

bool pool::leads_to(const std::shared_ptr<const conninfo>& other) {
    if (target_ == other) return true;
    if (!target_->same_as(*other)) return false;
    target_ = other;  // the next comparison is one of pointers
    return true;
}

bool pool::tidy(steady_clock::time_point now) {
    std::vector<std::shared_ptr<connection>> unused;
    for (const auto& c : connections_) {
        if (now - c->opened_at() > settings_.most_age * (1 - c->spread() / 2)) c->retire();
        if (idle(c) && (c->is_retiring() || winding_down_ || now - c->idle_since() > settings_.idle_close))
            unused.push_back(c);
    }
    for (const auto& c : unused) drop(c);
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
    const auto found = std::ranges::find_if(
        connections_, [&](const auto& c) { return idle(c) && c->idle_since() == since; });
    if (found == connections_.end()) return false;
    drop(*found);
    return true;
}

double pool::worth(steady_clock::time_point now) const {
    return demand_.at(now) / static_cast<double>(std::max<std::size_t>(1, connections_.size()));
}

connection* pool::dispensable(steady_clock::time_point now) const {
    connection* oldest = nullptr;
    for (const auto& c : connections_)
        if (c->is_usable() && (!oldest || c->opened_at() < oldest->opened_at())) oldest = c.get();
    return oldest && (usable() > 1 || now - oldest->opened_at() > time_share) ? oldest : nullptr;
}

void pool::add_usable(std::vector<connection*>& to) const {
    for (const auto& c : connections_)
        if (c->is_usable()) to.push_back(c.get());
}

std::size_t pool::usable() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& c) { return c->is_usable(); }));
}

std::size_t pool::retiring() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& c) { return c->is_retiring(); }));
}

pool_usage pool::usage() const {
    pool_usage out{connections_.size(), 0, 0, static_cast<std::size_t>(queue_.size()), refusing()};
    for (const auto& c : connections_) {
        out.idle += idle(c) ? 1 : 0;
        out.in_flight += c->in_flight();
    }
    return out;
}

pool_report pool::report(std::string key) const {
    const auto now = steady_clock::now();
    const auto since = [](auto span) {
        return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(span));
    };
    const auto sum = usage();
    pool_report out{.key = std::move(key), .target = way_to(*target_, settings_).describe()};
    out.connections = sum.connections;
    out.connecting = connecting_ ? 1 : 0;
    out.idle = sum.idle;
    out.in_flight = sum.in_flight;
    out.waiting = sum.waiting;
    if (!queue_.empty()) out.longest_wait = since(now - queue_.front().waits_since());
    out.failing = sum.failing;
    out.retired = winding_down_;
    out.opened = opened_;
    if (last_failure_) {
        out.last_failure = last_failure_->words;
        out.retry_in = since(refuse_until_ - now);
    }
    return out;
}

}  // namespace bulkhead::postgres
