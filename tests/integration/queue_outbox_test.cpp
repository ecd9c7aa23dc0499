// SPDX-License-Identifier: Apache-2.0
// Jobs that requests make: one for each request that takes effect, none for any other, and in Redis soon
// after, whoever dies on the way.
#include "queue_house.hpp"

namespace bulkhead::testing {
namespace {

constexpr auto flush = [](queue_program& p) { p.ask({"FLUSHALL"}); };

TEST_CASE("outbox: a request that takes effect has made a job, and Redis knows it", "[integration]") {
    const queue_site site;
    queue_program api(site);
    flush(api);
    const auto made = api.post("/jobs");
    REQUIRE(made.code == 201);
    CHECK(site.rows(fmt::format("id = '{}' and state = 0 and kind = 'test.work'", made.id().to_string())) ==
          1);
    REQUIRE(comes_true([&] { return api.known(site.tenant) == 1; }));
    CHECK(api.fetch(site.tenant) == std::set{made.id()});
    CHECK(api.number({"ZCARD", "bh:q:hints"}) == 1);

    std::vector<std::future<queue_program::reply>> all;
    for (int i = 0; i < 200; ++i) all.push_back(api.begin("/jobs"));
    std::set<uuid> ids;
    for (auto& each : all) ids.insert(must_end(std::move(each)).id());
    REQUIRE(ids.size() == 200);
    REQUIRE(comes_true([&] { return api.known(site.tenant) == 200; }));
    CHECK(api.fetch(site.tenant) == ids);
    CHECK(api.counted("bulkhead_queue_outbox_total{outcome=\"queued\"} 201"));
}

TEST_CASE("outbox: a request that fails makes none; what it wrote all the same is found later",
          "[integration]") {
    const queue_site site;
    queue_program api(site);
    flush(api);
    CHECK(api.post("/broken", "k1").code == 500);
    CHECK(site.rows() == 0);
    // Without a key there is no transaction around the handler: the row holds, as any row would.
    CHECK(api.post("/refused").code == 409);
    CHECK(site.rows() == 1);
    CHECK(api.post("/jobs").code == 201);
    REQUIRE(comes_true([&] { return api.known(site.tenant) == 1; }));
    CHECK(api.counted("bulkhead_queue_outbox_total{outcome=\"queued\"} 1"));
    api.start_relay();
    CHECK(comes_true([&] { return api.known(site.tenant) == 2; }));
}

TEST_CASE("outbox: a repeated request makes one job, also when both come at once", "[integration]") {
    const queue_site site;
    queue_program api(site);
    flush(api);
    const auto first = api.post("/jobs", "once");
    REQUIRE(first.code == 201);
    const auto again = api.post("/jobs", "once");
    CHECK(again.code == 201);
    CHECK(again.body == first.body);
    std::vector<std::future<queue_program::reply>> twins;
    for (int i = 0; i < 10; ++i) twins.push_back(api.begin("/jobs", "twins"));
    for (auto& each : twins) {
        const auto answer = must_end(std::move(each));
        CHECK((answer.code == 201 || answer.code == 409));
    }
    CHECK(site.rows() == 2);
    REQUIRE(comes_true([&] { return api.known(site.tenant) == 2; }));
    CHECK(api.counted("bulkhead_queue_outbox_total{outcome=\"queued\"} 2"));
    CHECK(api.counted("bulkhead_queue_outbox_total{outcome=\"known\"} 0"));
}

TEST_CASE("outbox: a unique key that an open job has gives that job", "[integration]") {
    const queue_site site;
    queue_program api(site);
    flush(api);
    const auto first = api.post("/jobs?key=report");
    REQUIRE(first.code == 201);
    const auto second = api.post("/jobs?key=report");
    CHECK(second.code == 200);
    CHECK(second.body == first.body);
    const auto keyed = api.post("/jobs?key=report", "k");
    CHECK(keyed.code == 200);
    CHECK(keyed.body == first.body);
    CHECK(site.rows() == 1);
    site.execute("update jobs set state = 2, finished_at = now()");
    CHECK(api.post("/jobs?key=report").code == 201);
}

TEST_CASE("outbox: as many open jobs as the tenant may have, also when all ask at once", "[integration]") {
    const queue_site site;
    site.in_control(R"(update tenants set limits = '{"jobs_in_flight": 5}')");
    queue_program api(site);
    flush(api);
    std::vector<std::future<queue_program::reply>> all;
    for (int i = 0; i < 20; ++i) all.push_back(api.begin("/jobs", i % 2 ? "" : fmt::format("k{}", i)));
    int made = 0, refused = 0;
    for (auto& each : all) {
        const auto answer = must_end(std::move(each));
        made += answer.code == 201 ? 1 : 0;
        refused += answer.code == 403 ? 1 : 0;
    }
    CHECK(made == 5);
    CHECK(refused == 15);
    CHECK(site.rows() == 5);
    CHECK(api.counted("bulkhead_quota_refusals_total{quota=\"jobs_in_flight\"} 15"));
    site.execute("update jobs set state = 2, finished_at = now() where id = (select id from jobs limit 1)");
    CHECK(api.post("/jobs").code == 201);
    CHECK(api.post("/jobs").code == 403);
}

TEST_CASE("outbox: killed at any point, a job that was committed is done and no other", "[integration]") {
    struct death {
        std::string_view point;
        std::string_view key;
        int jobs;
    };
    const death deaths[] = {
        {"outbox.after-hint", "", 0},         {"outbox.after-insert", "", 1},
        {"outbox.after-insert", "k", 0},      {"idempotency.before-commit", "k", 0},
        {"idempotency.after-commit", "k", 1}, {"outbox.before-push", "", 1},
        {"outbox.before-push", "k", 1},
    };
    for (const auto& each : deaths) {
        INFO(each.point << " " << each.key);
        const queue_site site;
        {
            queue_program before(site);
            flush(before);
        }
        REQUIRE(dies_at(each.point, [&] {
            queue_program api(site);
            api.post("/jobs", std::string(each.key));
            (void)comes_true([&] { return api.known(site.tenant) > 0; }, 5s);
        }));
        queue_program worker(site);
        CHECK(worker.known(site.tenant) == 0);
        worker.start_relay();
        REQUIRE(comes_true([&] { return site.rows() == each.jobs; }));
        CHECK(comes_true([&] { return static_cast<int>(worker.known(site.tenant)) == each.jobs; }));
        // And whoever asks again gets the one that there is, or makes it.
        if (!each.key.empty()) {
            CHECK(worker.post("/jobs", std::string(each.key)).code == 201);
            CHECK(site.rows() == 1);
            CHECK(comes_true([&] { return worker.known(site.tenant) == 1; }));
        }
    }
}

awaitable<result<http::response>> cancel_job(tenancy::tenant_context& within) {
    auto& x = within.request();
    x.service<queue::outbox>().cancel_with(within, lane::normal, uuid::parse(x.head().query).value(), true);
    co_return http::response{};
}

TEST_CASE("outbox: the worker of a cancelled job hears of it however long Redis takes nothing",
          "[integration]") {
    const queue_site site;
    program_settings settings;
    settings.outbox.retry_first = 1ms;
    settings.outbox.retry_most = 5ms;
    settings.more_routes = [](http::router& routes) {
        routes.post<cancel_job>("/cancel", {.id = "cancel", .summary = "", .tag = "t"});
    };
    queue_program api(site, settings);
    flush(api);
    const auto job = api.post("/jobs").id();
    REQUIRE(comes_true([&] { return api.known(site.tenant) == 1; }));
    REQUIRE(api.fetch(site.tenant) == std::set{job});
    const auto calls = [&] {
        const auto text = std::string(api.ask({"INFO", "commandstats"}).text().value());
        return std::stoi(text.substr(text.find("cmdstat_evalsha:calls=") + 22));
    };
    const auto place = api.dispatch().place_of(site.tenant, lane::normal);
    const auto lay_out = [&](std::string version) {  // no script does anything in a place of another version
        api.ask({"SETRANGE", queue::key_base(place) + "m", "0", std::move(version)});
    };
    lay_out("\x02");
    const auto before = calls();
    CHECK(api.post("/cancel?" + job.to_string()).code == 200);
    CHECK(comes_true([&] { return calls() > before + 20; }));
    lay_out("\x01");
    CHECK(comes_true([&] {
        const auto told = api.run(api.dispatch().reap(place, "test"));
        return told && told->cancelled == std::vector{job};
    }));
}

TEST_CASE("outbox: without Redis requests make jobs all the same, and they are known once it is back",
          "[integration]") {
    const queue_site site;
    queue_program api(site);
    flush(api);
    shared_servers().stop_redis();
    const auto first = api.post("/jobs");
    const auto second = api.post("/jobs", "k");
    shared_servers().start_redis();
    CHECK(first.code == 201);
    CHECK(second.code == 201);
    api.start_relay();
    CHECK(site.rows() == 2);
    REQUIRE(comes_true([&] { return api.connected(); }, 30s));
    CHECK(comes_true([&] { return api.known(site.tenant) == 2; }, 20s));
}

}  // namespace
}  // namespace bulkhead::testing
