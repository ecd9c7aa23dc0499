// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/connect.hpp"

#include <libpq-fe.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>

#include "base/text.hpp"
#include "observability/log.hpp"

namespace bulkhead::postgres {
namespace {

using descriptor = net::posix::basic_stream_descriptor<executor>;

struct finish {
    void operator()(PGconn* session) const noexcept { PQfinish(session); }
};
using session_ptr = std::unique_ptr<PGconn, finish>;

/// Notices are for people who type SQL; they must not reach stderr.
void ignore_notice(void*, const PGresult*) {}

std::unexpected<error> refused(const conninfo& target, std::string_view reason) {
    const auto address = target.describe();
    log::warn("cannot connect to the database", {{"target", address}, {"reason", trim(reason)}});
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "the database cannot be reached",
                                 .retry_after = std::chrono::seconds{1}});
}

/// PQconnectStart would look names up itself, blocking. Lists, sockets and addresses are left alone.
awaitable<void> resolve(conninfo& target, runtime::deadline limit) {
    error_code ec;
    net::ip::make_address(target.host, ec);
    if (!ec || target.host.empty() || target.host.starts_with('/') || target.host.find(',') != std::string::npos) co_return;
    const auto ex = co_await net::this_coro::executor;
    net::ip::basic_resolver<tcp, executor> resolver(ex);
    steady_timer timer(ex, limit.at());
    timer.async_wait([&resolver](error_code expired) {
        if (!expired) resolver.cancel();
    });
    const auto [failed, found] = co_await resolver.async_resolve(target.host, "", use_tuple);
    if (!failed && !found.empty()) target.extra.emplace_back("hostaddr", found.begin()->endpoint().address().to_string());
}

/// Waits until the session's socket is ready. The descriptor is made anew each time: libpq may change sockets
/// between two steps, and Asio must not close what libpq owns.
awaitable<bool> ready(PGconn* session, descriptor::wait_type kind, runtime::deadline limit) {
    const auto ex = co_await net::this_coro::executor;
    descriptor socket(ex, PQsocket(session));
    steady_timer timer(ex, limit.at());
    timer.async_wait([&socket](error_code expired) {
        if (!expired) socket.cancel();
    });
    const auto [ec] = co_await socket.async_wait(kind, use_tuple);
    socket.release();
    co_return !ec && !limit.passed();
}

}  // namespace

awaitable<result<pg_conn*>> connect(conninfo target, session_defaults defaults, runtime::deadline limit) {
    co_await resolve(target, limit);
    session_ptr session;
    {
        const connection_parameters parameters(target, defaults);
        session.reset(PQconnectStartParams(parameters.keywords(), parameters.values(), 0));
    }
    if (!session) co_return refused(target, "out of memory");
    PQsetNoticeReceiver(session.get(), &ignore_notice, nullptr);
    if (PQstatus(session.get()) == CONNECTION_BAD) co_return refused(target, PQerrorMessage(session.get()));
    for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK; step = PQconnectPoll(session.get())) {
        if (step == PGRES_POLLING_FAILED) co_return refused(target, PQerrorMessage(session.get()));
        const auto kind = step == PGRES_POLLING_READING ? descriptor::wait_read : descriptor::wait_write;
        if (!co_await ready(session.get(), kind, limit)) co_return refused(target, "it did not answer in time");
    }
    if (PQsetnonblocking(session.get(), 1) != 0 || PQenterPipelineMode(session.get()) != 1)
        co_return refused(target, PQerrorMessage(session.get()));
    co_return session.release();
}

}  // namespace bulkhead::postgres
