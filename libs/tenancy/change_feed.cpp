// SPDX-License-Identifier: Apache-2.0
#include "tenancy/change_feed.hpp"

#include <boost/asio/post.hpp>
#include <charconv>

#include "observability/log.hpp"

namespace bulkhead::tenancy {
namespace {

constexpr auto channel = "bulkhead_tenants";

}  // namespace

std::optional<tenant_change> parse_change(std::string_view payload) {
    const auto first = payload.find(' '), last = payload.rfind(' ');
    if (first == last) return std::nullopt;
    const auto id = uuid::parse(payload.substr(0, first));
    const auto status = parse_status(payload.substr(first + 1, last - first - 1));
    const auto number = payload.substr(last + 1);
    std::int64_t revision = 0;
    const auto [end, wrong] = std::from_chars(number.data(), number.data() + number.size(), revision);
    if (!id || !status || wrong != std::errc{} || end != number.data() + number.size()) return std::nullopt;
    return tenant_change{*id, *status, revision};
}

change_feed::change_feed(executor home, const postgres::conninfo& control, postgres::session_defaults session,
                         metrics::registry& counts)
    : up_(counts.add_gauge("bulkhead_tenant_feed_up",
                           "Whether changes of tenants are being heard (1) or not")),
      events_(counts.add_counter("bulkhead_tenant_feed_events_total", "Changes of tenants that were heard")),
      listener_(home, control, {channel},
                {.on_listening = [this](bool listening) { on_listening(listening); },
                 .on_notification = [this](auto, std::string_view payload) { on_payload(payload); }},
                {.session = std::move(session)}) {}

void change_feed::tell(executor where, registry& tenants) { audience_.push_back({where, &tenants}); }

template <class Action>
void change_feed::on_each(Action action) {
    for (const auto& each : audience_)
        net::post(each.where, [tenants = each.tenants, action] { action(*tenants); });
}

void change_feed::on_listening(bool listening) {
    up_.set(listening ? 1 : 0);
    if (listening)
        log::info("changes of tenants are being heard");
    else
        log::warn("changes of tenants are not heard: tenants are looked up more often meanwhile");
    on_each([listening](registry& tenants) { tenants.on_feed(listening); });
}

void change_feed::on_payload(std::string_view payload) {
    events_.add();
    const auto change = parse_change(payload);
    if (change) {
        on_each([change](registry& tenants) { tenants.on_change(*change); });
        for (const auto& call : also_) call(*change);
        return;
    }
    // Of a version that says more than we understand: everything may have changed.
    log::warn("a change of a tenant was announced in words that are not understood");
    on_each([](registry& tenants) { tenants.on_feed(true); });
}

}  // namespace bulkhead::tenancy
