// SPDX-License-Identifier: Apache-2.0
// What Redis says is checked before it is believed; no server.
#include "queue/dispatch.hpp"

#include <set>

#include "base/testing/catch.hpp"
#include "queue/dispatch_scripts.hpp"
#include "queue/dispatch_wire.hpp"

namespace bulkhead::queue {
namespace {

using redis::redis_reply;
using list = redis_reply::array;

redis_reply number(std::int64_t value) { return {value}; }
redis_reply text(std::string value) { return {std::move(value)}; }
redis_reply array(list value) { return {std::move(value)}; }

/// As push.lua and turn.lua store one.
std::string stored_job(const ticket& of) {
    const auto packed = wire::pack_ticket(of);
    std::string out = "w";
    out += packed.substr(1, 1);               // priority
    out += '\2';                              // lost leases
    out += packed.substr(0, 1);               // flags
    out += '\xFF';                            // percent
    out += std::string("\3\0", 2);            // attempt
    out += packed.substr(2, 2);               // most attempts
    out += std::string("\x10\0\0\0\0\0", 6);  // since
    out += std::string(6 + 8, '\0');          // charged, owner
    return out + packed.substr(10);
}

ticket some_ticket() {
    return {.tenant = uuid::generate(),
            .id = uuid::generate(),
            .kind = "cache.warm",
            .priority = priority::low,
            .payload = "{\"a\":1}",
            .unique_key = "only me",
            .most_attempts = 400};
}

TEST_CASE("a job is read as it was pushed", "[queue]") {
    auto pushed = some_ticket();
    const auto id = wire::id_bytes(pushed.id);
    const place from{lane::bulk, 3};
    auto read = wire::read_job(id, stored_job(pushed), from, 66);
    REQUIRE(read.has_value());
    CHECK(read->id == pushed.id);
    CHECK(read->tenant == pushed.tenant);
    CHECK(read->from == from);
    CHECK(read->kind == "cache.warm");
    CHECK(read->priority == priority::low);
    CHECK(read->lost == 2);
    CHECK(read->attempt == 4);
    CHECK(read->most_attempts == 400);
    CHECK(read->waited.count() == 50);
    CHECK(read->payload == "{\"a\":1}");

    pushed.payload = "";
    CHECK(wire::read_job(id, stored_job(pushed), from, 0)->payload == "");
    CHECK(wire::read_job(id, stored_job(pushed), from, 0)->waited.count() == 0);
    pushed.payload.reset();
    CHECK_FALSE(wire::read_job(id, stored_job(pushed), from, 0)->payload.has_value());
}

TEST_CASE("what cannot be a job is not read", "[queue]") {
    const auto pushed = some_ticket();
    const auto id = wire::id_bytes(pushed.id);
    const auto job = stored_job(pushed);
    const auto without_payload = job.size() - pushed.payload->size();
    CHECK_FALSE(wire::read_job(id.substr(1), job, {}, 0).has_value());
    for (std::size_t size = 0; size < without_payload; ++size)
        CHECK_FALSE(wire::read_job(id, std::string_view(job).substr(0, size), {}, 0).has_value());
    CHECK(wire::read_job(id, std::string_view(job).substr(0, without_payload), {}, 0).has_value());
    auto bad = job;
    bad[1] = 3;  // priority
    CHECK_FALSE(wire::read_job(id, bad, {}, 0).has_value());
    bad = job;
    bad[46] = 'C';  // in the kind
    CHECK_FALSE(wire::read_job(id, bad, {}, 0).has_value());
    bad = job;
    bad[45] = '\xFF';  // the kind's length
    CHECK_FALSE(wire::read_job(id, bad, {}, 0).has_value());
}

TEST_CASE("answers that cannot be are not believed", "[queue]") {
    const auto pushed = some_ticket();
    const auto id = text(wire::id_bytes(pushed.id)), job = text(stored_job(pushed));

    const list turn{number(1000), number(2), number(-1), array({id}), array({id, job})};
    auto read = wire::read_turn(array(turn), {});
    REQUIRE(read.has_value());
    CHECK(read->stale == 2);
    CHECK(read->want_more == std::vector{pushed.id});
    CHECK(read->deliveries.size() == 1);
    CHECK_FALSE(read->next.has_value());
    const std::vector<std::pair<std::size_t, redis_reply>> wrong{
        {0, number(-1)},           {0, text("1000")}, {1, number(-1)},         {1, {}},
        {2, number(-2)},           {3, {}},           {3, array({text("x")})}, {3, number(0)},
        {4, array({id})},          {4, {}},           {4, array({job, id})},   {4, array({id, number(1)})},
        {4, array({id, text("")})}};
    for (const auto& [place, value] : wrong) {
        auto bad = turn;
        bad[place] = value;
        CHECK_FALSE(wire::read_turn(array(bad), {}).has_value());
    }
    CHECK_FALSE(wire::read_turn(array({}), {}).has_value());
    CHECK_FALSE(wire::read_turn(number(1), {}).has_value());
    auto long_turn = turn;
    long_turn.push_back(number(1));
    CHECK_FALSE(wire::read_turn(array(long_turn), {}).has_value());

    CHECK(wire::read_push(array({number(0), number(3)}), 2) ==
          std::vector{push_outcome::queued, push_outcome::full});
    CHECK_FALSE(wire::read_push(array({number(0)}), 2).has_value());
    CHECK_FALSE(wire::read_push(array({number(0), number(4)}), 2).has_value());
    CHECK_FALSE(wire::read_push(text("OK"), 0).has_value());

    CHECK(wire::read_beat(array({array({id}), array({})}))->lost == std::vector{pushed.id});
    CHECK_FALSE(wire::read_beat(array({array({id})})).has_value());
    CHECK_FALSE(wire::read_beat(array({array({id}), number(1)})).has_value());

    CHECK(wire::read_reap(array({number(3), array({id, job}), array({id})}), {})->poison.size() == 1);
    CHECK_FALSE(wire::read_reap(array({number(-3), array({}), array({})}), {}).has_value());
    CHECK_FALSE(wire::read_reap(array({number(3), array({id}), array({})}), {}).has_value());

    CHECK(wire::read_cancel(number(2)) == cancel_outcome::running);
    CHECK_FALSE(wire::read_cancel(number(3)).has_value());
    CHECK_FALSE(wire::read_cancel(text("2")).has_value());

    CHECK_FALSE(wire::read_count(array(list(7, number(-1)))).has_value());
    CHECK_FALSE(wire::read_count(array(list(6, number(1)))).has_value());
    CHECK(wire::read_count(array(list(7, number(1))))->parked == 1);

    const list why{text("w"), number(2), number(1), number(3), number(-1), number(255), text("")};
    CHECK(wire::read_explain(array(why))->parked == "rate");
    CHECK_FALSE(wire::read_explain(array(why))->percent.has_value());
    for (std::size_t i = 0; i < why.size(); ++i) {
        auto bad = why;
        bad[i] = i == 0 || i == 6 ? number(1) : number(-5);
        CHECK_FALSE(wire::read_explain(array(bad)).has_value());
    }
    auto bad = why;
    bad[0] = text("z");
    CHECK_FALSE(wire::read_explain(array(bad)).has_value());

    CHECK_FALSE(wire::read_purge(array({number(1), number(1)})).has_value());
    CHECK_FALSE(wire::read_purge(array({number(-1), number(1), text("0")})).has_value());
    CHECK_FALSE(wire::read_check(array({array({number(1)}), number(1), text("0")})).has_value());
    CHECK(wire::read_check(array({array({text("x")}), number(0), text("0")}))->lines.size() == 1);
}

TEST_CASE("numbers beyond what Redis is told are cut", "[queue]") {
    settlement one{.took = std::chrono::hours(24 * 365), .delay = std::chrono::hours(-1)};
    one.reason = std::string(199, 'x') + "ä";
    const auto packed = wire::pack_settlement(one);
    CHECK(packed.size() == 14 + 199);                      // a character is not cut in two
    CHECK(packed.substr(8, 6) == std::string(6, '\0'));    // no negative delay
    CHECK(static_cast<unsigned char>(packed[7]) <= 0x02);  // 30 days of us
    job_progress far{.percent = 1000};
    CHECK(wire::pack_progress(far) == std::string(1, 100));
    far.percent.reset();
    CHECK(wire::pack_progress(far) == "\xFF");
    CHECK(wire::owner_tag("a").size() == 8);
    CHECK(wire::owner_tag("a") != wire::owner_tag("b"));
}

TEST_CASE("every place has keys of its own in one slot", "[queue]") {
    CHECK(key_base({lane::normal, 0}) == "bh:q:{default.0}:");
    CHECK(key_base({lane::critical, 15}) == "bh:q:{critical.15}:");
    std::set<unsigned> shards;
    for (int i = 0; i < 1000; ++i) shards.insert(shard_of(uuid::generate(), 16));
    CHECK(shards.size() == 16);
    // Tenants must not move to other shards with another version of the program.
    CHECK(shard_of(*uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057"), 16) == 15);
    CHECK(shard_of(uuid{}, 1) == 0);
}

TEST_CASE("every script is there and begins with what they share", "[queue]") {
    for (const auto which : {dispatch_script::push, dispatch_script::turn, dispatch_script::check}) {
        const auto& source = script_of(which).source();
        CHECK(source.find("local place = {") != source.npos);
        CHECK((source.find("return {") != source.npos || source.find("return outcomes") != source.npos));
    }
    CHECK(script_name(dispatch_script::set_rules) == "set_rules");
    CHECK(script_of(dispatch_script::push).sha1() != script_of(dispatch_script::turn).sha1());
}

}  // namespace
}  // namespace bulkhead::queue
