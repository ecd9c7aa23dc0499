// SPDX-License-Identifier: Apache-2.0
// What can be asked about jobs, what deletes them, and what finds damage: keys are deleted and added by hand.
#include "queue_dispatch_fixture.hpp"

namespace bulkhead::testing {
namespace {

using queue::wire::id_bytes;

struct check_fixture : dispatch_fixture {
    const uuid other = uuid::generate();
    ticket waiting = kept(tenant, "{}", "unique"), delayed = row(tenant), running = row(tenant),
           dead = kept(tenant);

    void fill() {
        delayed.delay = 1h;
        push_all({dead});
        auto buried = settled(fetch(1)[0], verdict::dead);
        buried.reason = "because";
        settle(std::vector{buried});
        push_all({running});
        REQUIRE(fetch_one() == running.id);
        push_all({waiting, delayed});
        push_all(rows(tenant, 3));
        push_all(rows(other, 3));
        expect_sound();
    }

    void change(std::vector<std::string> argv) { REQUIRE(ask(std::move(argv)).has_value()); }

    /// Found, repaired, and not found again.
    void expect_found(std::string_view text) {
        const auto found = check();
        const auto names_it = [&](const std::string& line) { return line.starts_with(text); };
        INFO(text);
        for (const auto& line : found) UNSCOPED_INFO(line);
        CHECK(std::ranges::any_of(found, names_it));
        CHECK(check() == found);  // looking changes nothing
        CHECK_FALSE(check(true).empty());
        auto left = check(true);  // what a repair brought to light
        left = check();
        for (const auto& line : left) UNSCOPED_INFO(line);
        CHECK(left.empty());
    }

    std::vector<uuid> drain() {
        std::vector<uuid> out;
        for (auto got = fetch(100); !got.empty(); got = fetch(100)) {
            for (const auto& one : got) out.push_back(one.id);
            done(got);
        }
        std::ranges::sort(out);
        return out;
    }
    bool runs(uuid id) {
        const auto all = drain();
        return std::ranges::count(all, id) == 1;
    }
};

TEST_CASE_METHOD(check_fixture, "a check finds nothing where nothing is wrong", "[queue]") {
    expect_sound();
    fill();
    CHECK(check(true).empty());
    const auto now = count();
    CHECK(now.waiting == 7);
    CHECK(now.delayed == 1);
    CHECK(now.running == 1);
    CHECK(now.dead == 1);
    CHECK(now.tenants == 2);
    CHECK(now.parked == 0);
    CHECK(now.oldest < 1h);
}

TEST_CASE_METHOD(check_fixture, "jobs that are in no line are found", "[queue]") {
    fill();
    SECTION("the line is gone") {
        change({"DEL", line_key(tenant)});
        expect_found("waiting job is in no line");
        CHECK(runs(waiting.id));
    }
    SECTION("the job is not in it") {
        change({"LREM", line_key(tenant), "0", id_bytes(waiting.id)});
        expect_found("tenant has 3 waiting jobs, says 4");
        CHECK(runs(waiting.id));
    }
    SECTION("delayed ones") {
        change({"DEL", key("due")});
        expect_found("delayed job is never due");
        CHECK(runs(delayed.id));
    }
    SECTION("running ones") {
        change({"DEL", key("lease")});
        expect_found("running job has no lease");
        CHECK(value_of(jobs.reap(here)).returned == 1);
        CHECK(runs(running.id));
    }
    SECTION("dead ones") {
        change({"DEL", key("dead")});
        expect_found("dead job is not among the dead");
        CHECK(count().dead == 1);
    }
}

TEST_CASE_METHOD(check_fixture, "jobs that are gone are found where they were", "[queue]") {
    fill();
    SECTION("delayed") {
        change({"DEL", job_key(delayed.id)});
        expect_found("a job that is not delayed is due");
    }
    SECTION("running") {
        change({"DEL", job_key(running.id)});
        expect_found("lease of a job that does not run");
    }
    SECTION("dead") {
        change({"DEL", job_key(dead.id)});
        expect_found("a job that is not dead is among the dead");
    }
    SECTION("with a note") {
        change({"HSET", key("note"), id_bytes(uuid::generate()), "of nobody"});
        expect_found("note on a job that is gone");
    }
    SECTION("with a unique key") {
        change({"DEL", job_key(waiting.id)});
        expect_found("unique key of a job that is gone");
        CHECK(push_one(kept(tenant, "{}", "unique")) == push_outcome::queued);
    }
    SECTION("unreadable") {
        change({"SET", job_key(waiting.id), "w\1"});
        expect_found("job cannot be read");
        CHECK(drain().size() == 6);
    }
    SECTION("of another type") {
        change({"DEL", job_key(waiting.id)});
        change({"SADD", job_key(waiting.id), "x"});
        expect_found("a set where a string should be");
        CHECK(drain().size() == 6);
    }
}

TEST_CASE_METHOD(check_fixture, "tenants that are not where they belong are found", "[queue]") {
    fill();
    SECTION("the ring is gone") {
        change({"DEL", key("ring")});
        expect_found("tenant with waiting jobs is not in line");
    }
    SECTION("the ring has one too many") {
        change({"ZADD", key("ring"), "5", id_bytes(uuid::generate())});
        expect_found("tenant without waiting jobs is in line");
    }
    SECTION("the ring has something else") {
        change({"ZADD", key("ring"), "5", "nobody"});
        expect_found("not a tenant");
    }
    SECTION("it is held back for nothing") {
        change({"ZREM", key("ring"), id_bytes(tenant)});
        change({"ZADD", key("park"), "inf", id_bytes(tenant)});
        expect_found("tenant is held back and does not say why");
    }
    SECTION("it is in both") {
        change({"ZADD", key("park"), "inf", id_bytes(tenant)});
        expect_found("tenant is in line and held back");
    }
    SECTION("it is elsewhere") {
        change({"ZADD", key("ring"), "123456789", id_bytes(tenant)});
        expect_found("tenant is in line elsewhere than it says");
    }
    SECTION("it is unknown") {
        change({"DEL", tenant_key(tenant)});
        expect_found("tenant has 4 waiting jobs, says 0");
    }
    SECTION("it is unreadable") {
        change({"SET", tenant_key(tenant), "x"});
        expect_found("tenant cannot be read");
    }
    SECTION("the place is unreadable") {
        change({"SET", key("m"), "x"});
        expect_found("the place cannot be read");
        CHECK(count().waiting == 7);
    }
    SECTION("the place is unknown") {
        change({"DEL", key("m")});
        expect_found("the place has 7 waiting jobs, says 0");
    }
    SECTION("somebody else's key") {
        change({"SET", key("elsewhere"), "x"});
        expect_found("unknown key elsewhere");
    }
    CHECK(drain().size() == 7);
}

TEST_CASE_METHOD(check_fixture, "a cap that counts what does not run is found", "[queue]") {
    set_rules(tenant, {.most_running = 2});
    push_all(rows(tenant, 5));
    const auto got = fetch(5);
    REQUIRE(got.size() == 2);
    CHECK(fetch(5).empty());
    for (const auto& one : got) {
        change({"DEL", job_key(one.id)});
        change({"ZREM", key("lease"), id_bytes(one.id)});
    }
    expect_found("tenant has 0 running jobs, says 2");
    CHECK(fetch(5).size() == 2);
}

TEST_CASE_METHOD(check_fixture, "damaged keys do not stop the others", "[queue]") {
    fill();
    change({"DEL", line_key(tenant)});  // its four jobs are gone from it
    change({"DEL", job_key(delayed.id)});
    CHECK(drain().size() == 3);
    CHECK(fetch(5).empty());
    change({"SET", key("ring"), "x"});
    const auto broken = wait(jobs.fetch(here, wish(1)));
    REQUIRE_FALSE(broken.has_value());
    check(true);
    push_all(rows(other, 2));
    CHECK(drain().size() >= 2);
}

TEST_CASE_METHOD(check_fixture, "jobs of another layout are left alone", "[queue]") {
    fill();
    change({"SETRANGE", key("m"), "0", "\2"});
    const auto refused = wait(jobs.fetch(here, wish(1)));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::unavailable);
    const auto all = rows(tenant, 1);
    CHECK_FALSE(wait(jobs.push(all)).has_value());
    CHECK_FALSE(wait(jobs.check(here, true)).has_value());
    change({"SETRANGE", key("m"), "0", "\1"});
    CHECK(drain().size() == 7);
}

TEST_CASE_METHOD(check_fixture, "purging a tenant leaves nothing of it, and the others alone", "[queue]") {
    fill();
    push_all(rows(tenant, 500));
    auto late = rows(tenant, 300);
    for (auto& one : late) one.delay = 1h;
    push_all(late);
    auto urgent = row(tenant, queue::priority::high);
    urgent.lane = queue::lane::critical;
    push_all({urgent});
    set_rules(tenant, {.most_running = 100});
    const auto got = fetch(120);
    CHECK(value_of(jobs.purge(tenant)) == 4 + 3 + 500 + 300 + 1);
    CHECK(value_of(jobs.purge(tenant)) == 0);
    expect_sound();
    CHECK(number({"EXISTS", tenant_key(tenant), line_key(tenant), key("note"), key("dead"), key("due")}) ==
          0);
    std::vector<settlement> late_news;
    std::size_t mine = 0;
    for (const auto& one : got) {
        late_news.push_back(settled(one));
        if (one.tenant == tenant) ++mine;
    }
    CHECK(settle(late_news).stale == mine);
    CHECK(count().running == 0);
    CHECK(drain().size() + (got.size() - mine) == 3);
    CHECK(push_one(kept(tenant, "{}", "unique")) == push_outcome::queued);
}

TEST_CASE_METHOD(check_fixture, "why a job does not run can be told", "[queue]") {
    const auto explain = [&](uuid id) { return value_of(jobs.explain(tenant, queue::lane::normal, id)); };
    fill();
    CHECK(explain(uuid::generate()).state == "unknown");
    CHECK(value_of(jobs.explain(other, queue::lane::normal, waiting.id)).state == "unknown");
    CHECK(explain(dead.id).state == "dead");
    CHECK(explain(dead.id).note == "because");
    CHECK(explain(running.id).state == "running");
    CHECK(explain(delayed.id).state == "delayed");
    CHECK(explain(delayed.id).until > 59min);
    CHECK(explain(waiting.id).state == "waiting");
    CHECK(explain(waiting.id).position == 1);
    push_all({row(tenant, queue::priority::high)});
    const auto low = row(tenant, queue::priority::low);
    push_all({low});
    CHECK(explain(waiting.id).position == 2);
    CHECK(explain(low.id).position == 6);
    CHECK(explain(low.id).tenants_ahead <= 1);

    set_rules(tenant, {.most_running = 1});
    fetch(100);
    CHECK(explain(low.id).parked == "cap");
    set_rules(tenant, {.per_second = 0.001});
    fetch(100);
    fetch(100);
    CHECK(explain(low.id).parked == "rate");
    CHECK(explain(low.id).until > 10min);
    expect_sound();
}

TEST_CASE_METHOD(check_fixture, "the longest wait is told", "[queue]") {
    push_all(rows(tenant, 1));
    run_for(60ms);
    push_all(rows(other, 1));
    CHECK(count().oldest >= 60ms);
    fetch(1);
    fetch(1);
    CHECK(count().oldest == 0ms);
}

TEST_CASE_METHOD(check_fixture, "a hundred thousand waiting jobs take little memory", "[queue]") {
    const auto memory = [&] {
        const auto text = std::string(*ask({"INFO", "memory"})->text());
        return std::stoll(text.substr(text.find("used_memory:") + 12));
    };
    set_rules(tenant, {.most_waiting = 1'000'000});
    const auto before = memory();
    for (int i = 0; i < 10; ++i) push_all(rows(tenant, 10'000));
    const auto each = (memory() - before) / 100'000;
    INFO(each);
    CHECK(each < 240);
    CHECK(count().waiting == 100'000);
    CHECK(fetch(100).size() == 100);
}

TEST_CASE_METHOD(check_fixture, "a long line is checked and purged", "[queue]") {
    set_rules(tenant, {.most_waiting = 20'000});
    push_all(rows(tenant, 12'000));
    expect_sound();
    change({"LREM", line_key(tenant), "-1", id_bytes(uuid::generate())});
    change({"LTRIM", line_key(tenant), "50", "-1"});
    CHECK(check(true).size() == 52);  // fifty jobs, the tenant, the place
    expect_sound();
    CHECK(value_of(jobs.purge(tenant)) == 12'000);
    expect_empty();
}

}  // namespace
}  // namespace bulkhead::testing
