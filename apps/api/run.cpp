// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "app.hpp"
#include "observability/log.hpp"
#include "ops/drain.hpp"
#include "runtime/shutdown_stack.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::api {
namespace {

/// Reports that nobody takes do not keep us from stopping for longer.
constexpr std::chrono::seconds reports_wait{2};

/// How the offices close.
struct closing {
    runtime::deadline work_until = runtime::deadline::in({});
    bool unfinished = false;
};

/// Starts one part after the other, and puts on `stack` how each is stopped.
void start(const wired_parts& all, runtime::shutdown_stack& stack, closing& end) {
    stack.push("reports", [&] {
        all.outgoing.stop(std::min<std::chrono::milliseconds>(reports_wait, all.settings.shutdown_timeout));
    });
    all.reactors.start();
    stack.push("reactors", [&] { all.reactors.stop(); });
    stack.push("compression threads", [&] { all.compressed.stop(); });
    stack.push("storage threads", [&] { all.files.stop(); });
    stack.push("hash threads", [&] { all.hashes.stop(); });
    stack.push("offices", [&] { end.unfinished = all.platform && !all.platform->close(end.work_until); });
    all.reactors.run_on_each([&](std::size_t i) {
        all.parts[i]->server().secure_with(all.tls.current());
        all.parts[i]->start(i == 0);
        if (i == 0) all.feed.start();
    });
    stack.push("connections", [&] {
        all.reactors.run_on_each([&](std::size_t i) {
            if (i == 0) all.feed.stop();
            all.parts[i]->stop();
        });
    });
    all.reactors[0].post([&] { all.share.start(); });
    stack.push("connection share", [&] { all.share.leave(); });
}

void log_listening(const wired_parts& all) {
    const auto& s = all.settings;
    log::info("listening", {{"address", s.bind_address},
                            {"port", s.port},
                            {"protocol", all.tls.current() ? "https" : "http"},
                            {"ops_port", s.ops_port},
                            {"reactors", s.api_threads}});
}

void reload(const wired_parts& all) {
    if (!service::reload(program) || !all.tls.renew()) return;
    for (std::size_t i = 0; i < all.parts.size(); ++i)
        all.reactors[i].post(
            [&server = all.parts[i]->server(), renewed = all.tls.current()] { server.secure_with(renewed); });
}

void drain(const wired_parts& all) {
    const auto& s = all.settings;
    ops::drain(all.state, all.reactors,
               [&](std::size_t i) -> http::server& { return all.parts[i]->server(); },
               {.delay = s.shutdown_drain_delay, .timeout = s.shutdown_timeout});
}

}  // namespace

int run_until_stopped(const wired_parts& all) {
    const auto& s = all.settings;
    closing end;
    runtime::shutdown_stack stack;
    start(all, stack, end);
    log_listening(all);

    const auto status = fmt::format("listening on {}:{}", s.bind_address, s.port);
    service::keep_watchdog_quiet(all.notify, all.reactors);
    all.notify.ready(status);
    all.signals.on_reload([&] {
        all.notify.reloading();
        reload(all);
        all.notify.ready(status);
    });
    all.signals.wait();
    all.notify.stopping("finishing what is under way", service::longest_stop(s));
    end.work_until = runtime::deadline::in(s.shutdown_drain_delay + s.shutdown_timeout);
    drain(all);
    stack.unwind();
    if (end.unfinished) {
        log::warn("work on tenants is left to the worker");
        log::stop();
        std::_Exit(service::exit_ok);  // what it uses must not be destroyed
    }
    log::info("stopped");
    return service::exit_ok;
}

}  // namespace bulkhead::api
