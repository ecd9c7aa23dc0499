// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/listener.hpp"

#include <libpq-fe.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <optional>

#include "persistence/postgres/connect.hpp"
#include "persistence/postgres/session.hpp"
#include "runtime/backoff.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::postgres {
namespace {

using descriptor = net::posix::basic_stream_descriptor<executor>;

struct free_notification {
    void operator()(PGnotify* heard) const noexcept { PQfreemem(heard); }
};
struct clear_result {
    void operator()(PGresult* answer) const noexcept { PQclear(answer); }
};

std::string listen_statement(const std::vector<std::string>& channels) {
    std::string sql;
    for (const auto& each : channels) sql += "listen " + quote_identifier(each) + ";";
    return sql;
}

/// An empty statement costs the server nothing, and it answers.
constexpr auto are_you_there = "";

}  // namespace

class listener::supervisor {
public:
    supervisor(executor where, conninfo direct, const std::vector<std::string>& channels,
               listener_events events, const listener_settings& settings)
        : executor_(where),
          target_(std::move(direct)),
          listen_(listen_statement(channels)),
          events_(std::move(events)),
          settings_(settings),
          pace_(settings.first_retry, settings.slowest_retry),
          timer_(where) {}

    static awaitable<void> run(std::shared_ptr<supervisor> self) {
        while (!self->stopped_) {
            co_await self->listen_once();
            self->say(false);
            if (self->stopped_) break;
            self->timer_.expires_after(self->pace_.next());
            co_await self->timer_.async_wait(use_tuple);
        }
    }

    [[nodiscard]] executor where() const noexcept { return executor_; }

    void stop() {
        if (stopped_) return;  // the destructor may be elsewhere, and the last of run() under way
        stopped_ = true;
        timer_.cancel();
        if (link_) link_->socket.cancel();
    }

private:
    struct link {
        link(executor where, connected_session opened)
            : session(opened.session), socket(where, opened.watched) {}
        ~link() { PQfinish(session); }
        link(const link&) = delete;
        link& operator=(const link&) = delete;

        pg_conn* session;
        descriptor socket;
    };
    enum class heard { something, nothing, the_end };

    /// Until the session ends.
    awaitable<void> listen_once() {
        const auto opened =
            co_await connect(target_, settings_.session, runtime::deadline::in(settings_.connect_timeout));
        if (!opened) co_return;
        const auto own = std::make_shared<link>(executor_, *opened);
        link_ = own.get();
        if (!stopped_ && PQexitPipelineMode(own->session) == 1) co_await converse(own);
        link_ = nullptr;
    }

    awaitable<void> converse(std::shared_ptr<link> with) {
        if (!co_await ask(with, listen_.c_str())) co_return;
        pace_.reset();
        say(true);
        for (;;) {
            const auto now =
                co_await wait(with, descriptor::wait_read, steady_clock::now() + settings_.most_silence);
            if (now == heard::the_end) co_return;
            if (now == heard::nothing) {
                const bool alive = co_await ask(with, are_you_there);
                if (!alive) co_return;
            } else if (!take(*with)) {
                co_return;
            }
        }
    }

    /// Runs a statement; notifications that come meanwhile are handed on. False: the session is of no use any
    /// more.
    awaitable<bool> ask(std::shared_ptr<link> with, const char* sql) {
        if (PQsendQuery(with->session, sql) != 1) co_return false;
        const auto until = steady_clock::now() + settings_.answer_limit;
        int unsent = PQflush(with->session);
        while (unsent == 1) {
            if (co_await wait(with, descriptor::wait_write, until) != heard::something) co_return false;
            unsent = PQflush(with->session);
        }
        if (unsent != 0) co_return false;
        for (;;) {
            if (co_await wait(with, descriptor::wait_read, until) != heard::something) co_return false;
            if (!take(*with)) co_return false;
            if (const auto outcome = answered(*with)) co_return *outcome&& hand_on(*with);
        }
    }

    /// nullopt: the answer is not complete.
    static std::optional<bool> answered(const link& with) {
        while (PQisBusy(with.session) == 0) {
            const std::unique_ptr<PGresult, clear_result> each(PQgetResult(with.session));
            if (!each) return true;
            const auto status = PQresultStatus(each.get());
            if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) return false;
        }
        return std::nullopt;
    }

    /// Reads what is there and hands notifications on. False: the session has ended.
    bool take(const link& with) {
        return PQconsumeInput(with.session) == 1 && PQstatus(with.session) == CONNECTION_OK && hand_on(with);
    }

    bool hand_on(const link& with) {
        for (;;) {
            const std::unique_ptr<PGnotify, free_notification> each(PQnotifies(with.session));
            if (!each || stopped_) return !stopped_;
            events_.on_notification(each->relname, each->extra);
        }
    }

    awaitable<heard> wait(std::shared_ptr<link> with, descriptor::wait_type kind,
                          steady_clock::time_point until) {
        while (!stopped_) {
            timer_.expires_at(until);
            // Its handler may be on its way when the waiting ends: it must not assume that the link exists.
            timer_.async_wait([weak = std::weak_ptr(with)](error_code cancelled) {
                if (const auto strong = weak.lock(); strong && !cancelled) strong->socket.cancel();
            });
            const auto [ec] = co_await with->socket.async_wait(kind, use_tuple);
            timer_.cancel();
            if (stopped_) break;
            if (!ec) co_return heard::something;
            if (ec != net::error::operation_aborted) break;
            if (steady_clock::now() >= until) co_return heard::nothing;
        }
        co_return heard::the_end;
    }

    void say(bool listening) {
        if (stopped_ || listening == listening_) return;
        listening_ = listening;
        events_.on_listening(listening);
    }

    executor executor_;
    const conninfo target_;
    const std::string listen_;
    const listener_events events_;
    const listener_settings settings_;
    runtime::backoff pace_;
    steady_timer timer_;
    link* link_ = nullptr;  // null while there is no session
    bool listening_ = false;
    bool stopped_ = false;
};

listener::listener(executor where, conninfo direct, const std::vector<std::string>& channels,
                   listener_events events, listener_settings settings)
    : supervisor_(
          std::make_shared<supervisor>(where, std::move(direct), channels, std::move(events), settings)) {}

listener::~listener() { stop(); }

void listener::start() { net::co_spawn(supervisor_->where(), supervisor::run(supervisor_), or_die); }

void listener::stop() { supervisor_->stop(); }

}  // namespace bulkhead::postgres
