// SPDX-License-Identifier: Apache-2.0
// A pool set on a reactor of its own, asked from the test's thread. At its end everything is closed, and the
// server must have no session of it left.
#pragma once

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/catch.hpp"
#include "base/testing/comes_true.hpp"
#include "fresh_database.hpp"
#include "persistence/postgres/database.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "runtime/reactor.hpp"
#include "runtime/testing/on_reactor.hpp"

namespace bulkhead::testing {

using namespace std::chrono_literals;
using postgres::intent;

/// The status of an outcome in one word, for comparison: "ok" or the name of the error.
template <class T>
std::string word(const result<T>& outcome) {
    return outcome ? "ok" : std::string(describe(outcome.error().code).name);
}

/// A text or an error, which tests compare and print.
class text_result {
public:
    text_result() = default;
    explicit text_result(std::string text) : outcome_(std::move(text)) {}
    explicit text_result(error why) : outcome_(std::unexpected(std::move(why))) {}

    explicit operator bool() const noexcept { return outcome_.has_value(); }
    [[nodiscard]] const std::string& value() const { return outcome_.value(); }
    [[nodiscard]] const error& why() const { return outcome_.error(); }
    [[nodiscard]] std::string word() const { return testing::word(outcome_); }

    friend bool operator==(const text_result& a, std::string_view b) {
        return a.outcome_ && *a.outcome_ == b;
    }
    friend bool operator==(const text_result& a, const text_result& b) { return b && a == b.value(); }
    friend std::ostream& operator<<(std::ostream& to, const text_result& it) {
        return to << (it ? it.value().substr(0, 100) : it.word());
    }

private:
    result<std::string> outcome_;
};
inline std::string word(const text_result& outcome) { return outcome.word(); }

/// The name of a new, empty database.
inline std::string fresh_database_name() {
    return postgres::parse_database_url(fresh_database().url()).value().dbname;
}

inline std::vector<std::string> fresh_databases(int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(fresh_database_name());
    return names;
}

/// How to reach a database as a superuser.
inline postgres::conninfo target_of(const std::string& database) {
    return postgres::parse_database_url(shared_servers().database_url(database)).value();
}

/// The statement's first column of its first row, which is text; "" without rows.
inline awaitable<text_result> ask(std::shared_ptr<postgres::pool> source, std::string sql, intent kind,
                                  std::chrono::milliseconds time) {
    const postgres::query each{postgres::statement(std::string_view(sql)), {}};
    auto rows = co_await source->run({&each, 1}, kind, runtime::deadline::in(time));
    if (!rows) co_return text_result(std::move(rows.error()));
    if (rows->front().empty()) co_return text_result(std::string());
    co_return text_result(rows->front()[0].get<std::string>(0));
}

/// Takes what it is given, or fails the test after a time that means "never".
template <class T>
T must_end(std::future<T> outcome) {
    if (outcome.wait_for(60s) != std::future_status::ready)
        throw std::runtime_error("an operation never ended");
    return outcome.get();
}

class pool_house {
public:
    explicit pool_house(postgres::pool_settings settings = {})
        : pools_(home_.get_executor(), named(std::move(settings))) {
        home_.start();
        on_reactor([this] { pools_.start(); });
    }
    ~pool_house() {
        stop();
        CHECK(comes_true([this] { return sessions() == 0; }));
        home_.stop();
        home_.join();
    }
    pool_house(const pool_house&) = delete;
    pool_house& operator=(const pool_house&) = delete;

    template <class T>
    std::future<T> spawn(awaitable<T> work) {
        return net::co_spawn(home_.get_executor(), std::move(work), net::use_future);
    }
    template <class F>
    std::invoke_result_t<F> on_reactor(F work) {
        return testing::on_reactor(home_, std::move(work));
    }

    void stop() {
        on_reactor([this] { pools_.stop(); });
    }

    /// Begins; `in` names a database.
    std::future<text_result> begin(const std::string& in, std::string sql, intent kind = intent::read,
                                   std::chrono::milliseconds time = 20s) {
        auto source = pool(target_of(in));
        return spawn(ask(std::move(source), std::move(sql), kind, time));
    }
    text_result read(const std::string& in, std::string sql, std::chrono::milliseconds time = 20s) {
        return must_end(begin(in, std::move(sql), intent::read, time));
    }
    text_result write(const std::string& in, std::string sql, std::chrono::milliseconds time = 20s) {
        return must_end(begin(in, std::move(sql), intent::write, time));
    }

    std::shared_ptr<postgres::pool> pool(const postgres::conninfo& target) {
        return on_reactor([&] { return pools_.get(target.describe(), target); });
    }
    postgres::pool_usage usage() {
        return on_reactor([this] { return pools_.usage(); });
    }

    /// What the server knows of us.
    [[nodiscard]] int sessions() const {
        return std::stoi(shared_servers().execute(
            "bulkhead",
            fmt::format("select count(*) from pg_stat_activity where application_name = '{}'", name_)));
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] postgres::pool_set& pools() noexcept { return pools_; }
    [[nodiscard]] executor where() noexcept { return home_.get_executor(); }

private:
    postgres::pool_settings named(postgres::pool_settings settings) {
        settings.session.application_name = name_;
        return settings;
    }

    static inline int counter_ = 0;
    const std::string name_ = fmt::format("house_{}", ++counter_);
    runtime::reactor home_{"house"};
    postgres::pool_set pools_;
};

}  // namespace bulkhead::testing
