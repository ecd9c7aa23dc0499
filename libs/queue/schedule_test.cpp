// SPDX-License-Identifier: Apache-2.0
#include "queue/schedule.hpp"

#include <set>

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

utc_time at(const char* text) { return parse_rfc3339(text).value(); }

schedule hourly(catch_up missed, unsigned most = 10) {
    schedule out{
        .name = "test.hourly", .when = cron_expression::parse("0 * * * *").value(), .missed = missed};
    out.most_missed = most;
    out.what.kind = "test.kind";
    return out;
}

const uuid acme = uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057").value();

TEST_CASE("Names give ids as RFC 9562 has them") {
    const auto dns = uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8").value();
    CHECK(named_uuid(dns, "www.example.com").to_string() == "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST_CASE("Each slot is due once") {
    const auto one = hourly(catch_up::last);
    const auto last = at("2026-03-01T10:00:00Z");
    CHECK(due_slots(one, acme, last, at("2026-03-01T10:59:59.999Z")).empty());
    CHECK(due_slots(one, acme, last, at("2026-03-01T11:00:00Z")) == std::vector{at("2026-03-01T11:00:00Z")});
    CHECK(due_slots(one, acme, at("2026-03-01T11:00:00Z"), at("2026-03-01T11:00:30Z")).empty());
}

TEST_CASE("What becomes of slots that were missed") {
    const auto last = at("2026-03-01T10:00:00Z");
    const auto now = at("2026-03-01T14:30:00Z");
    CHECK(due_slots(hourly(catch_up::skip), acme, last, now).empty());
    CHECK(due_slots(hourly(catch_up::skip), acme, last, at("2026-03-01T14:00:30Z")).size() == 1);
    CHECK(due_slots(hourly(catch_up::last), acme, last, now) == std::vector{at("2026-03-01T14:00:00Z")});
    CHECK(due_slots(hourly(catch_up::all), acme, last, now).size() == 4);
    CHECK(due_slots(hourly(catch_up::all, 2), acme, last, now) ==
          std::vector{at("2026-03-01T13:00:00Z"), at("2026-03-01T14:00:00Z")});
    CHECK(due_slots(hourly(catch_up::all, 3), acme, at("1990-01-01T00:00:00Z"), now).back() ==
          at("2026-03-01T14:00:00Z"));
}

TEST_CASE("Tenants come at different times, each always at the same") {
    const schedule one{.name = "test.daily", .when = every{24h}};
    std::set<utc_time> seen;
    for (int i = 0; i < 100; ++i) {
        const auto tenant = uuid::generate();
        const auto first = next_slot(one, tenant, at("2026-03-01T00:00:00Z"));
        CHECK(first > at("2026-03-01T00:00:00Z"));
        CHECK(first <= at("2026-03-02T00:00:00Z"));
        CHECK(next_slot(one, tenant, first) == first + 24h);
        CHECK(next_slot(one, tenant, first - 1us) == first);
        seen.insert(first);
    }
    CHECK(seen.size() > 90);
}

TEST_CASE("A slot's job has always the same id") {
    const auto slot = at("2026-03-01T11:00:00Z");
    const auto one = hourly(catch_up::last);
    const auto made = job_of_slot(one, acme, slot);
    CHECK(made.id == job_of_slot(one, acme, slot).id);
    CHECK(made.run_at == slot);
    CHECK(made.id != job_of_slot(one, acme, slot + 1h).id);
    CHECK(made.id != job_of_slot(one, uuid::generate(), slot).id);
}

}  // namespace
}  // namespace bulkhead::queue
