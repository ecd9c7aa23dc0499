// SPDX-License-Identifier: Apache-2.0
// What the tests of mail share: a mail server, and a sender on a reactor and a pool of its own.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "base/json.hpp"
#include "base/testing/catch.hpp"
#include "mail/sender.hpp"
#include "runtime/reactor.hpp"
#include "support/smtp_server.hpp"

namespace bulkhead::testing {

inline mail::smtp_target target_of(const smtp_server& server,
                                   mail::encryption protect = mail::encryption::none) {
    return {.host = "127.0.0.1", .port = server.port(), .protect = protect};
}

struct mail_fixture {
    explicit mail_fixture(std::optional<mail::smtp_target> target, std::size_t threads = 1)
        : pool("mail", threads, 100),
          sender({.server = std::move(target), .from = {"Example", "no-reply@example.com"}, .to_log = true},
                 pool, counts) {
        reactor.start();
    }
    ~mail_fixture() {
        pool.stop();
        reactor.stop();
        reactor.join();
    }

    static mail::message sound(std::string id = "job-1") {
        return {.to = {"Ada", "ada@example.org"},
                .subject = "Hello",
                .text = "Hello\n",
                .html = "<p>Hello</p>\n",
                .id = std::move(id),
                .date = *parse_rfc3339("2026-01-31T09:30:00Z")};
    }

    std::future<result<mail::delivery>> begin(mail::message what, std::chrono::milliseconds patience) {
        return net::co_spawn(reactor.get_executor(),
                             sender.send(std::move(what), runtime::deadline::in(patience)), net::use_future);
    }

    result<mail::delivery> send(mail::message what = sound(),
                                std::chrono::milliseconds patience = std::chrono::seconds(60)) {
        return begin(std::move(what), patience).get();
    }

    metrics::registry counts;
    runtime::reactor reactor{"test"};
    runtime::blocking_pool pool;
    mail::sender sender;
};

inline std::string text(const json::value& value) { return std::string(value.as_string()); }

}  // namespace bulkhead::testing
