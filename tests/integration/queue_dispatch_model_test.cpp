// SPDX-License-Identifier: Apache-2.0
// Random operations against a model that knows only in which state each job is. At any time both agree, and
// in the end nothing contradicts itself. The seed is printed when something fails.
#include <map>
#include <random>

#include "queue_dispatch_fixture.hpp"

namespace bulkhead::testing {
namespace {

enum class state : std::uint8_t { waiting, delayed, running, dead, gone };

struct known_job {
    ticket pushed;
    state at = state::waiting;
    std::string owner{};
    unsigned attempt = 0, lost = 0;
    bool unwanted = false;
};

class model_run : public dispatch_fixture {
public:
    void run(unsigned seed, int operations) {
        INFO("seed " << seed);
        dice_.seed(seed);
        for (int i = 0; i < 6; ++i) tenants_.push_back(uuid::generate());
        set_rules(tenants_[0], {.most_running = 5});
        set_rules(tenants_[1], {.weight = 3, .most_waiting = 20, .most_kept = 25});
        for (int i = 0; i < operations; ++i) step();
        compare();
        expect_sound();
        finish();
    }

private:
    unsigned below(unsigned bound) { return std::uniform_int_distribution<unsigned>(0, bound - 1)(dice_); }
    bool chance(unsigned percent) { return below(100) < percent; }

    void step() {
        if (jobs_.size() > 400) forget_some();
        switch (below(10)) {
            case 0:
            case 1: return push_some();
            case 2:
            case 3:
            case 4: return take_turn();
            case 5: return beat_some();
            case 6: return lose_some();
            case 7: return cancel_one();
            case 8: return ripen_some();
            default:
                if (chance(10)) compare();
        }
    }

    /// Those that are gone are of interest for a while only.
    void forget_some() {
        std::erase_if(jobs_, [&](const auto& each) { return each.second.at == state::gone && chance(80); });
    }

    known_job* any(state at) {
        std::vector<known_job*> fitting;
        for (auto& [id, job] : jobs_)
            if (job.at == at) fitting.push_back(&job);
        return fitting.empty() ? nullptr : fitting[below(static_cast<unsigned>(fitting.size()))];
    }

    bool holds_key(const ticket& of) {
        return std::ranges::any_of(jobs_, [&](const auto& each) {
            const auto& job = each.second;
            return job.at < state::dead && job.pushed.tenant == of.tenant && !of.unique_key.empty() &&
                   job.pushed.unique_key == of.unique_key && job.pushed.id != of.id;
        });
    }

    void push_some() {
        std::vector<ticket> all;
        for (auto count = below(8) + 1; count > 0; --count) {
            const auto& whose = tenants_[below(static_cast<unsigned>(tenants_.size()))];
            auto one = chance(50) ? row(whose, static_cast<queue::priority>(below(3)))
                                  : kept(whose, "{}", chance(30) ? "key" + std::to_string(below(3)) : "");
            if (chance(30)) one.delay = 1h;
            if (const auto* again = chance(10) ? any(static_cast<state>(below(4))) : nullptr)
                one = again->pushed;
            all.push_back(std::move(one));
        }
        const auto outcomes = push(all);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto known = jobs_.find(all[i].id);
            const bool known_here = known != jobs_.end() && known->second.at != state::gone;
            if (outcomes[i] == push_outcome::full) {
                REQUIRE(all[i].tenant == tenants_[1]);
                continue;
            }
            const auto expected = known_here          ? push_outcome::known
                                  : holds_key(all[i]) ? push_outcome::not_unique
                                                      : push_outcome::queued;
            // A job that is here already may also be told that its key is another's: it has died.
            if (known_here && outcomes[i] == push_outcome::not_unique) continue;
            REQUIRE(outcomes[i] == expected);
            if (expected == push_outcome::queued)
                jobs_[all[i].id] = {.pushed = all[i],
                                    .at = all[i].delay > 0ms ? state::delayed : state::waiting};
        }
    }

    void take_turn() {
        const auto owner = "worker" + std::to_string(below(3));
        std::vector<settlement> settlements;
        unsigned stale = 0;
        for (auto count = below(6); count > 0; --count) {
            auto* const job = any(chance(95) ? state::running : static_cast<state>(below(5)));
            if (!job || is_in(settlements, job->pushed.id)) continue;
            settlement one{.tenant = job->pushed.tenant,
                           .id = job->pushed.id,
                           .what = static_cast<verdict>(below(4)),
                           .took = std::chrono::microseconds(below(100'000)),
                           .delay = 1h,
                           .counts = chance(80),
                           .ran = chance(50)};
            settlements.push_back(one);
            if (job->at != state::running || job->owner != owner) {
                ++stale;
                continue;
            }
            apply(*job, one);
        }
        const auto got = settle(settlements, wish(below(12), owner));
        REQUIRE(got.stale == stale);
        for (const auto& one : got.deliveries) {
            auto& job = jobs_.at(one.id);
            REQUIRE(job.at == state::waiting);
            REQUIRE(one.tenant == job.pushed.tenant);
            REQUIRE(one.kind == job.pushed.kind);
            REQUIRE(one.payload == job.pushed.payload);
            REQUIRE(one.lost == job.lost);
            REQUIRE(one.attempt == ++job.attempt);
            job.at = state::running;
            job.owner = owner;
        }
        std::size_t capped = 0;
        for (const auto& [id, job] : jobs_)
            if (job.at == state::running && job.pushed.tenant == tenants_[0]) ++capped;
        REQUIRE(capped <= 5);
    }

    static bool is_in(const std::vector<settlement>& all, uuid id) {
        return std::ranges::find(all, id, &settlement::id) != all.end();
    }

    static void apply(known_job& job, const settlement& one) {
        const bool in_redis = job.pushed.payload.has_value();
        auto what = one.what;
        if (in_redis && job.unwanted) what = verdict::done;
        if (!in_redis && what == verdict::dead) what = verdict::done;
        if (what == verdict::release || (what == verdict::later && !one.counts)) --job.attempt;
        if (one.ran && (what == verdict::release || what == verdict::later)) job.lost = 0;
        job.at = what == verdict::done    ? state::gone
                 : what == verdict::later ? state::delayed
                 : what == verdict::dead  ? state::dead
                                          : state::waiting;
    }

    void beat_some() {
        const auto owner = "worker" + std::to_string(below(3));
        std::vector<queue::job_progress> beats;
        std::vector<uuid> lost, cancelled;
        for (const auto& [id, job] : jobs_) {
            if (!chance(20) || job.at == state::gone) continue;
            beats.push_back({.tenant = job.pushed.tenant, .id = id});
            if (chance(50)) beats.back().percent = below(101);
            if (chance(50)) beats.back().note = "step " + std::to_string(below(9));
            if (job.at != state::running || job.owner != owner)
                lost.push_back(id);
            else if (job.unwanted)
                cancelled.push_back(id);
        }
        const auto news = value_of(dispatch_fixture::jobs.beat(here, owner, 15s, beats));
        REQUIRE(news.lost == lost);
        REQUIRE(news.cancelled == cancelled);
    }

    void lose_some() {
        unsigned returned = 0;
        std::vector<uuid> poison, suspects;
        for (auto& [id, job] : jobs_) {
            if (job.at != state::running || !chance(10)) continue;
            end_lease(id);
            --job.attempt;
            ++job.lost;
            const bool in_redis = job.pushed.payload.has_value();
            if (in_redis && job.unwanted) {
                job.at = state::gone;
            } else if (in_redis && job.lost > queue::most_lost) {
                job.at = state::dead;
                poison.push_back(id);
            } else if (job.lost >= 2 && job.lost <= queue::most_lost) {
                job.at = state::delayed;
                suspects.push_back(id);
                ++returned;
            } else {
                job.at = state::waiting;
                ++returned;
            }
        }
        const auto reaped = value_of(dispatch_fixture::jobs.reap(here));
        REQUIRE(reaped.returned == returned);
        auto found = ids_of(reaped.poison);
        std::ranges::sort(found);
        REQUIRE(found == poison);
        // Not at a time of their own choice.
        for (const auto& id : suspects) make_due(id, 9'999'999'999'999);
    }

    void cancel_one() {
        auto* const job = any(static_cast<state>(below(5)));
        if (!job) return;
        const bool row_waits = chance(30);
        const bool handed_out = row_waits && !job->pushed.payload;
        const auto expected = job->at >= state::dead                    ? queue::cancel_outcome::unknown
                              : job->at == state::running || handed_out ? queue::cancel_outcome::running
                                                                        : queue::cancel_outcome::gone;
        REQUIRE(value_of(dispatch_fixture::jobs.cancel(job->pushed.tenant, queue::lane::normal,
                                                       job->pushed.id, row_waits)) == expected);
        if (expected == queue::cancel_outcome::gone) job->at = state::gone;
        if (expected != queue::cancel_outcome::running) return;
        job->unwanted = true;
        if (job->at == state::delayed) job->at = state::waiting;
    }

    void ripen_some() {
        bool any_ripe = false;
        for (auto& [id, job] : jobs_) {
            if (job.at != state::delayed || !chance(40)) continue;
            make_due(id);
            job.at = state::waiting;
            any_ripe = true;
        }
        while (any_ripe && number({"ZCOUNT", key("due"), "-inf", "1"}) > 0) settle({});
    }

    void compare() {
        std::map<state, std::uint64_t> expected;
        for (const auto& [id, job] : jobs_) ++expected[job.at];
        const auto now = count();
        REQUIRE(now.delayed == expected[state::delayed]);
        REQUIRE(now.running == expected[state::running]);
        REQUIRE(now.dead == expected[state::dead]);
        REQUIRE(now.waiting >= expected[state::waiting]);  // cancelled ones stay in line until their turn
    }

    /// All that is left runs, once.
    void finish() {
        for (auto& [id, job] : jobs_) {
            if (job.at == state::running) {
                settle(std::vector{settlement{.tenant = job.pushed.tenant, .id = id}}, wish(0, job.owner));
                job.at = state::gone;
            } else if (job.at == state::delayed) {
                make_due(id);
                job.at = state::waiting;
            }
        }
        for (int idle = 0; idle < 3;) {
            const auto got = fetch(50);
            idle = got.empty() ? idle + 1 : 0;
            for (const auto& one : got) {
                auto& job = jobs_.at(one.id);
                REQUIRE(job.at == state::waiting);
                job.at = state::gone;
            }
            done(got);
        }
        for (const auto& [id, job] : jobs_) REQUIRE((job.at == state::gone || job.at == state::dead));
        CHECK(count().waiting == 0);
        expect_sound();
        for (const auto& whose : tenants_) value_of(dispatch_fixture::jobs.purge(whose));
        expect_empty();
        CHECK(number({"EXISTS", key("note"), key("ring"), key("park"), key("dead")}) == 0);
    }

    std::mt19937 dice_;
    std::vector<uuid> tenants_;
    std::map<uuid, known_job> jobs_;
};

TEST_CASE_METHOD(model_run, "random operations keep the queue in order", "[queue]") {
    const auto seed = GENERATE(1u, 2u, 3u, 4u);
    run(seed, 1'250);  // about 20 000 pushes, settlements, beats … of single jobs
}

TEST_CASE_METHOD(model_run, "random operations keep the queue in order for long", "[.long]") {
    const auto seed = GENERATE(11u, 12u, 13u, 14u, 15u);
    run(seed, 4'000);
}

}  // namespace
}  // namespace bulkhead::testing
