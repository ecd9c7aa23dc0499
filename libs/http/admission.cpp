// SPDX-License-Identifier: Apache-2.0
#include "http/admission.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace bulkhead::http {
namespace {

using std::chrono::milliseconds;

metrics::gauge& add_gauge(metrics::registry& registry, std::string_view name, std::string_view help,
                          std::string_view lane) {
    return registry.add_gauge(name, help, metrics::label("lane", lane));
}

std::size_t index_of(traffic kind) { return static_cast<std::size_t>(kind) - 1; }

/// Resumes who waits, by way of the reactor's queue: a gate tells several in a row.
struct resumption {
    admission_gate::visitor* who;
    executor resume_on;

    template <class Handler>
    void operator()(Handler&& handler) {
        who->told = [ex = resume_on, h = std::forward<Handler>(handler)](admission_verdict verdict) mutable {
            net::post(ex, [h = std::move(h), verdict]() mutable { std::move(h)(verdict); });
        };
    }
};

}  // namespace

traffic class_of(const route& row) noexcept {
    if (row.texts.lane != traffic::by_row) return row.texts.lane;
    if (row.texts.probe || row.texts.rate == rate_class::none) return traffic::exempt;
    if (row.texts.rate == rate_class::auth) return traffic::auth;
    if (row.required == access::platform) return traffic::bulk;
    return row.method == verb::get ? traffic::read : traffic::write;
}

admission_settings admission_settings::for_reactor(std::size_t hashes) {
    admission_settings out;
    auto& [reads, writes, hashing, bulk] = out.gates;
    // A commit waits for the one before it to reach the disk and shares its own with others: many at once,
    // each at a few times what a lone one takes, is how a database does most.
    writes.limit.tolerance = 3;
    writes.limit.floor = milliseconds{5};
    // Who signs in is a person: better a second of waiting than an error to act on.
    hashing.limit = {.least = hashes, .most = hashes, .initial = hashes, .floor = milliseconds{300}};
    hashing.patience = milliseconds{1'000};
    hashing.most_slow = 0;  // what they wait for is the processor
    // Waits for minutes of work, and for others that do: nothing to learn from.
    bulk.limit = {.least = 16, .most = 16, .initial = 16, .floor = milliseconds{300}};
    bulk.patience = milliseconds{1'000};
    return out;
}

admission::lane::lane(metrics::registry& registry, std::string_view name, const gate_settings& settings)
    : gate(settings),
      in_flight(add_gauge(registry, "bulkhead_admission_in_flight", "Requests in service", name)),
      limit(add_gauge(registry, "bulkhead_admission_limit", "Requests that may be in service", name)),
      waiting(add_gauge(registry, "bulkhead_admission_waiting", "Requests that wait for their turn", name)),
      shed{} {
    constexpr std::array<std::string_view, 3> reasons{"full", "waited", "late"};
    static_assert(static_cast<std::size_t>(admission_verdict::late) == reasons.size());
    for (std::size_t i = 0; i < shed.size(); ++i)
        shed[i] = &registry.add_counter(
            "bulkhead_admission_shed_total", "Requests refused because there was too much to do",
            metrics::label("lane", name) + "," + metrics::label("reason", reasons[i]));
    limit.set(static_cast<double>(gate.limit()));
}

std::unexpected<error> admission::lane::refused(admission_verdict why) {
    shed[static_cast<std::size_t>(why) - 1]->add();
    if (why == admission_verdict::late) return fail(errc::deadline_exceeded);
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "there is more to do than can be done in time",
                                 .retry_after = std::chrono::seconds{1}});
}

admission::admission(executor ex, metrics::registry& registry, const admission_settings& settings)
    : lanes_{lane{registry, lane_names[0], settings.gates[0]},
             lane{registry, lane_names[1], settings.gates[1]},
             lane{registry, lane_names[2], settings.gates[2]},
             lane{registry, lane_names[3], settings.gates[3]}},
      lagging_(settings.lagging),
      lag_(ex, registry, [this](auto now, auto sustained) { on_lag(now, sustained); }) {}

void admission::turn::end(bool telling) {
    if (lane_) std::exchange(lane_, nullptr)->gate.leave(visitor_, steady_clock::now(), telling);
}

result<> admission::expect(const exchange& x) {
    auto* const mine = lane_of(x);
    if (!mine || !mine->gate.full(x.head().content_length.value_or(0))) return {};
    return mine->refused(admission_verdict::full);
}

result<bool> admission::enter(const exchange& x, turn& mine) {
    auto* const asked = lane_of(x);
    if (!asked) return true;
    using arrival = admission_gate::arrival;
    const auto how =
        asked->gate.arrive(mine.visitor_, x.body().size(), x.deadline().at(), steady_clock::now());
    if (how == arrival::full) return asked->refused(admission_verdict::full);
    if (how == arrival::late) return asked->refused(admission_verdict::late);
    mine.lane_ = asked;
    return how == arrival::admitted;
}

awaitable<result<>> admission::wait(turn& mine) {
    resumption initiation{&mine.visitor_, co_await net::this_coro::executor};
    const auto verdict =
        co_await net::async_initiate<const net::use_awaitable_t<executor>, void(admission_verdict)>(
            std::move(initiation), use_awaitable);
    if (verdict == admission_verdict::admitted) co_return result<>{};
    co_return std::exchange(mine.lane_, nullptr)->refused(verdict);
}

const admission_gate& admission::gate(traffic kind) const noexcept { return lanes_[index_of(kind)].gate; }

admission::lane* admission::lane_of(const exchange& x) noexcept {
    if (!x.row()) return nullptr;
    const auto kind = class_of(*x.row());
    return kind == traffic::exempt ? nullptr : &lanes_[index_of(kind)];
}

void admission::on_lag(steady_clock::time_point now, std::chrono::nanoseconds sustained) {
    for (auto& each : lanes_) {
        each.gate.tick(now, sustained >= lagging_);
        each.in_flight.set(static_cast<double>(each.gate.in_flight()));
        each.limit.set(static_cast<double>(each.gate.limit()));
        each.waiting.set(static_cast<double>(each.gate.waiting()));
    }
}

}  // namespace bulkhead::http
