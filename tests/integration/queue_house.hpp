// SPDX-License-Identifier: Apache-2.0
// A tenant with its databases (queue_site), and a program that serves its requests and relays its jobs
// (queue_program): here, or in a child process that a fail point kills.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/testing/dies_at.hpp"
#include "http/dispatcher.hpp"
#include "http/request_reader.hpp"
#include "jobs_fixture.hpp"
#include "queue/outbox.hpp"
#include "queue/relay.hpp"
#include "redis_fixture.hpp"
#include "runtime/testing/on_reactor.hpp"
#include "tenancy/directory.hpp"
#include "tenancy/idempotency.hpp"

namespace bulkhead::testing {

/// What is there however many programs begin and end.
struct queue_site {
    std::string control = fresh_database_name();
    std::string database = fresh_database_name();
    std::string role = "role_of_" + database;
    uuid tenant = uuid::generate();
    sealed_box box{secret(std::string(32, 'k'))};

    queue_site() {
        {
            auto admin = postgres::session::open(target_of(control), 5s).value();
            REQUIRE(migrations::apply(admin, migrations::control_migrations().value()));
        }
        make_tenant_schema(database);
        execute(fmt::format(
            "create role {0} login password 'pw'; grant select, insert, update, delete on all tables "
            "in schema public to {0}",
            role));
        add_tenant("acme", tenant, database);
    }
    void add_tenant(const std::string& slug, const uuid& id, const std::string& at) const {
        in_control(fmt::format(
            "insert into tenants (id, slug, name, status, server_id, database, role_name, "
            "role_password_sealed, "
            "schema_version) select '{0}', '{1}', '{1}', 'active', id, '{2}', '{3}', '{4}', 4 from servers",
            id.to_string(), slug, at, role, box.seal("pw", id.to_string())));
    }
    std::string in_control(const std::string& sql) const { return shared_servers().execute(control, sql); }
    std::string execute(const std::string& sql) const { return shared_servers().execute(database, sql); }
    [[nodiscard]] int rows(const std::string& where = "true") const {
        return std::stoi(execute("select count(*) from jobs where " + where));
    }
    uuid insert_row(const std::string& columns = "", const std::string& values = "") const {
        const auto id = uuid::generate();
        execute(
            fmt::format("insert into jobs (id, kind, lane, payload, most_attempts{}) "
                        "values ('{}', 'test.row', 1, '{{}}', 3{})",
                        columns, id.to_string(), values));
        return id;
    }
};

struct program_settings {
    queue::outbox_settings outbox{
        .hint_due = 150ms, .hint_fresh = 0ms, .retry_first = 20ms, .retry_most = 100ms};
    queue::relay_settings relay{
        .poll = 20ms, .hidden = 500ms, .second_look = 300ms, .third_look = 900ms, .reconcile_over = 200ms};
    redis_endpoint redis = shared_redis();
    void (*more_routes)(http::router&) = nullptr;
};

inline awaitable<result<http::response>> make_job(tenancy::tenant_context& within) {
    auto& x = within.request();
    auto what = job_for();
    if (x.head().query.starts_with("key=")) what.unique_key = x.head().query.substr(4);
    const auto added = co_await x.service<queue::outbox>().add(within, std::move(what));
    if (!added) co_return std::unexpected(added.error());
    http::response out{.code = added->made ? http::status::created : http::status::ok};
    out.body = '"' + added->id.to_string() + '"';
    co_return out;
}
inline awaitable<result<http::response>> make_job_and_refuse(tenancy::tenant_context& within) {
    const auto made = co_await make_job(within);
    if (!made) co_return std::unexpected(made.error());
    co_return fail(errc::conflict, "after all");
}
inline awaitable<result<http::response>> make_job_and_fall(tenancy::tenant_context& within) {
    const auto made = co_await make_job(within);
    if (made) throw std::runtime_error("after all");
    co_return std::unexpected(made.error());
}

class queue_program {
public:
    explicit queue_program(const queue_site& site, program_settings settings = {})
        : control_(target_of(site.control)),
          home_("queue"),
          pools_(home_.get_executor(), {}),
          redis_(home_.get_executor(), settings.redis, {.connect_timeout = 10s}),
          tenants_(pools_, control_, site.box, tenancy::registry_metrics(counts_),
                   {.fresh = 50ms, .fresh_unfed = 50ms, .unknown_fresh = 10ms}),
          local_(counts_),
          limiter_(home_.get_executor(), redis_, local_, counts_),
          gate_(limiter_, rules_, counts_),
          quotas_(gate_, counts_),
          directory_(tenants_, quotas_, {.default_tenant = "acme", .base_domain = {}}),
          idempotency_(site.box, counts_),
          dispatch_(redis_, 4),
          outbox_(home_.get_executor(), redis_, dispatch_, counts_, settings.outbox),
          relay_(home_.get_executor(), redis_, dispatch_, tenants_, counts_, settings.relay),
          routes_(routes(settings.more_routes)),
          stages_(routes_, {}) {
        services_.add(quotas_);
        services_.add(directory_);
        services_.add(idempotency_);
        services_.add(outbox_);
        home_.start();
        on_reactor([this] {
            pools_.start();
            redis_.start();
        });
        REQUIRE(comes_true([this] { return connected(); }, 30s));
    }
    ~queue_program() {
        on_reactor([this] {
            relay_.stop();
            outbox_.stop();
            redis_.stop();
            pools_.stop();
        });
        home_.stop();
        home_.join();
    }
    queue_program(const queue_program&) = delete;
    queue_program& operator=(const queue_program&) = delete;

    struct reply {
        unsigned code = 0;
        std::string body;
        [[nodiscard]] uuid id() const { return uuid::parse(body.substr(1, body.size() - 2)).value(); }
    };
    /// POST of `target`, with an Idempotency-Key unless that is empty.
    std::future<reply> begin(std::string target, std::string key = {}) {
        return net::co_spawn(home_.get_executor(), serve(std::move(target), std::move(key)), net::use_future);
    }
    reply post(std::string target, std::string key = {}) {
        return must_end(begin(std::move(target), std::move(key)));
    }

    void start_relay() {
        on_reactor([this] { relay_.start(); });
    }
    void hint(const uuid& tenant) {
        on_reactor([&] { relay_.look_at(tenant); });
    }

    template <class T>
    T run(awaitable<T> work) {
        return must_end(net::co_spawn(home_.get_executor(), std::move(work), net::use_future));
    }
    redis_reply ask(std::vector<std::string> argv) {
        auto said = run(redis_.command(std::move(argv), 10s));
        REQUIRE(said);
        return *std::move(said);
    }
    [[nodiscard]] std::int64_t number(std::vector<std::string> argv) {
        return ask(std::move(argv)).integer().value_or(-1);
    }
    queue::dispatch& dispatch() { return dispatch_; }
    const queue::hints& hints() const { return hints_; }
    [[nodiscard]] bool connected() {
        return on_reactor([this] { return redis_.connected(); });
    }
    /// Jobs that Redis knows of a tenant, whether they wait or are delayed.
    std::uint64_t known(const uuid& tenant, lane of = lane::normal) {
        const auto counted = run(dispatch_.count(dispatch_.place_of(tenant, of)));
        REQUIRE(counted);
        return counted->waiting + counted->delayed;
    }
    /// Takes all that can begin.
    std::set<uuid> fetch(const uuid& tenant, lane of = lane::normal) {
        std::set<uuid> out;
        for (;;) {
            queue::fetch_wish wish{.most = 100, .owner = "test"};
            const auto got = run(dispatch_.fetch(dispatch_.place_of(tenant, of), std::move(wish)));
            REQUIRE(got);
            if (got->deliveries.empty()) return out;
            for (const auto& each : got->deliveries) out.insert(each.id);
        }
    }
    [[nodiscard]] std::string metrics() const { return counts_.render(); }
    [[nodiscard]] bool counted(const std::string& line) const {
        return metrics().find(line) != std::string::npos;
    }

    template <class F>
    std::invoke_result_t<F> on_reactor(F work) {
        return testing::on_reactor(home_, std::move(work));
    }

private:
    static http::router routes(void (*more)(http::router&)) {
        http::router out;
        out.post<make_job>("/jobs", {.id = "make", .summary = "", .tag = "t"});
        out.post<make_job_and_refuse>("/refused", {.id = "refused", .summary = "", .tag = "t"});
        out.post<make_job_and_fall>("/broken", {.id = "broken", .summary = "", .tag = "t"});
        if (more) more(out);
        return out;
    }

    awaitable<reply> serve(std::string target, std::string key) {
        auto text = "POST " + target + " HTTP/1.1\r\nHost: a\r\n";
        if (!key.empty()) text += "Idempotency-Key: \"" + key + "\"\r\n";
        text += "\r\n";
        const http::limits bounds;
        http::request_head head;
        const auto outcome = http::request_reader(bounds).read_head(text, head);
        if (outcome.state != http::progress::complete) throw std::logic_error("not a request");
        http::exchange x(head, services_, "r1", {}, runtime::deadline::in(20s));
        const auto route = stages_.find(x);
        auto answer = co_await stages_.serve(x, route);
        co_return reply{static_cast<unsigned>(answer.code), std::move(answer.body)};
    }

    bulkhead::metrics::registry counts_;
    postgres::conninfo control_;
    runtime::reactor home_;
    postgres::pool_set pools_;
    redis::redis_client redis_;
    tenancy::registry tenants_;
    ratelimit::rules rules_;
    ratelimit::fallback local_;
    ratelimit::limiter limiter_;
    ratelimit::gate gate_;
    tenancy::usage_quotas quotas_;
    tenancy::directory directory_;
    tenancy::idempotency idempotency_;
    queue::dispatch dispatch_;
    const queue::hints hints_{redis_};
    queue::outbox outbox_;
    queue::relay relay_;
    http::services services_;
    const http::router routes_;
    http::dispatcher stages_;
};

}  // namespace bulkhead::testing
