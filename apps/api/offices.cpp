// SPDX-License-Identifier: Apache-2.0
#include "offices.hpp"

#include <stdexcept>

#include "persistence/migrations/embedded.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::api {
namespace {

// Each thread may hold two sessions in the control database's server, beside the budget of the pools.
constexpr std::size_t front_size = 4, back_size = 2, field_size = 2;
constexpr std::size_t waiting_in_front = 64, waiting_elsewhere = 64;

migrations::migration_set tenant_schema() {
    auto set = migrations::tenant_migrations();
    if (!set) throw std::runtime_error(set.error().message);
    return *std::move(set);
}

}  // namespace

offices::offices(const config::settings& settings, const postgres::conninfo& control, const sealed_box& box,
                 metrics::registry& metrics)
    : token_(settings.platform_admin_token),
      schema_(tenant_schema()),
      front_threads_("front office", front_size, waiting_in_front),
      back_threads_("back office", back_size, waiting_elsewhere),
      field_threads_("field office", field_size, waiting_elsewhere),
      front_(front_threads_, control, box, schema_, service::site_options(settings, "api")),
      back_(back_threads_, control, box, schema_, service::site_options(settings, "api")),
      field_(field_threads_, control, box, schema_, service::site_options(settings, "api")) {
    metrics.add_gauge_sampler("bulkhead_office_queue", "Work on tenants that waits for a thread", [this] {
        return static_cast<double>(front_threads_.waiting() + back_threads_.waiting() +
                                   field_threads_.waiting());
    });
}

bool offices::close(runtime::deadline limit) {
    for (auto* each : {&front_, &back_, &field_}) each->close();
    bool all = true;
    for (auto* each : {&front_threads_, &back_threads_, &field_threads_})
        all = each->stop_within(limit.remaining()) && all;
    return all;
}

}  // namespace bulkhead::api
