// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/connect.hpp"

#include <fcntl.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>

#include "base/text.hpp"
#include "observability/log.hpp"

namespace bulkhead::postgres {
namespace {

using descriptor = net::posix::basic_stream_descriptor<executor>;
using resolver = net::ip::basic_resolver<tcp, executor>;

struct finish {
    void operator()(PGconn* session) const noexcept { PQfinish(session); }
};
using session_ptr = std::unique_ptr<PGconn, finish>;

/// Notices are for people who type SQL; they must not reach stderr.
void ignore_notice(void*, const PGresult*) {}

std::unexpected<connect_failure> refused(const std::string& address, std::string_view reason) {
    log::warn("cannot connect to the database", {{"target", address}, {"reason", trim(reason)}});
    return std::unexpected(connect_failure{.told = {.code = errc::unavailable,
                                                    .detail = "the database cannot be reached",
                                                    .retry_after = std::chrono::seconds{1}},
                                           .words = std::string(trim(reason))});
}

/// Cancels `what` at the end of the timer. The timer's handler may already be on its way when the waiting
/// ends, so it must not assume that `what` still exists.
template <class T>
void cancel_when_expired(steady_timer& timer, const std::shared_ptr<T>& what) {
    timer.async_wait([weak = std::weak_ptr(what)](error_code stopped) {
        if (const auto strong = weak.lock(); strong && !stopped) strong->cancel();
    });
}

/// libpq takes lists of hosts and of their addresses, of equal length, and tries one after the other.
void add_addresses(conninfo& target, const resolver::results_type& found) {
    std::string addresses, names;
    for (const auto& each : found) {
        const auto separator = addresses.empty() ? "" : ",";
        addresses += separator + each.endpoint().address().to_string();
        names += separator + target.host;
    }
    target.extra.emplace_back("hostaddr", std::move(addresses));
    target.host = std::move(names);
}

bool needs_resolving(const conninfo& target) {
    error_code ec;
    net::ip::make_address(target.host, ec);
    const bool is_name =
        ec && !target.host.empty() && !target.host.starts_with('/') && !target.host.starts_with('@');
    return is_name && target.host.find(',') == std::string::npos &&
           std::ranges::none_of(target.extra, [](const auto& each) { return each.first == "hostaddr"; });
}

/// PQconnectStart would look names up itself, blocking. Lists, sockets and addresses are left alone.
awaitable<bool> resolve(conninfo& target, runtime::deadline limit) {
    if (!needs_resolving(target)) co_return true;
    const auto ex = co_await net::this_coro::executor;
    const auto names = std::make_shared<resolver>(ex);
    steady_timer timer(ex, limit.at());
    cancel_when_expired(timer, names);
    const auto [failed, found] = co_await names->async_resolve(target.host, "", use_tuple);
    if (failed || found.empty()) co_return false;
    add_addresses(target, found);
    co_return true;
}

/// libpq's socket for one wait: never closed here, also when the reactor ends in the middle of it.
std::shared_ptr<descriptor> borrow_socket(executor ex, PGconn* session) {
    const auto give_back = [](descriptor* borrowed) {
        borrowed->release();
        delete borrowed;
    };
    return {new descriptor(ex, PQsocket(session)), give_back};
}

/// False: the limit came first. The descriptor is made anew each time: libpq may change sockets between two
/// steps.
awaitable<bool> ready(PGconn* session, descriptor::wait_type kind, runtime::deadline limit) {
    const auto ex = co_await net::this_coro::executor;
    const auto socket = borrow_socket(ex, session);
    steady_timer timer(ex, limit.at());
    cancel_when_expired(timer, socket);
    const auto [ec] = co_await socket->async_wait(kind, use_tuple);
    co_return !ec && !limit.passed();
}

}  // namespace

awaitable<std::expected<connected_session, connect_failure>> connect(conninfo target,
                                                                     session_defaults defaults,
                                                                     runtime::deadline limit) {
    const auto address = target.describe();
    if (!co_await resolve(target, limit)) co_return refused(address, "its host name cannot be resolved");
    session_ptr session;
    {
        const connection_parameters parameters(target, defaults);
        session.reset(PQconnectStartParams(parameters.keywords(), parameters.values(), 0));
    }
    if (!session) co_return refused(address, "out of memory");
    PQsetNoticeReceiver(session.get(), &ignore_notice, nullptr);
    if (PQstatus(session.get()) == CONNECTION_BAD) co_return refused(address, PQerrorMessage(session.get()));
    for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK; step = PQconnectPoll(session.get())) {
        if (step == PGRES_POLLING_FAILED) co_return refused(address, PQerrorMessage(session.get()));
        const auto kind = step == PGRES_POLLING_READING ? descriptor::wait_read : descriptor::wait_write;
        if (!co_await ready(session.get(), kind, limit))
            co_return refused(address, "it did not answer in time");
    }
    if (PQsetnonblocking(session.get(), 1) != 0 || PQenterPipelineMode(session.get()) != 1)
        co_return refused(address, PQerrorMessage(session.get()));
    const int watched = ::fcntl(PQsocket(session.get()), F_DUPFD_CLOEXEC, 0);
    if (watched < 0) co_return refused(address, "too many files are open");
    co_return connected_session{session.release(), watched};
}

}  // namespace bulkhead::postgres
