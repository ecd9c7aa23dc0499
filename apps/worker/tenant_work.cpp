// SPDX-License-Identifier: Apache-2.0
#include "tenant_work.hpp"

#include <stdexcept>

#include "persistence/migrations/embedded.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::worker {
namespace {

migrations::migration_set tenant_schema() {
    auto loaded = migrations::tenant_migrations();
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *std::move(loaded);
}

}  // namespace

tenant_work::tenant_work(const config::settings& s, const postgres::conninfo& control, const sealed_box& box,
                         std::int64_t control_schema, metrics::registry& counts)
    : schema_(tenant_schema()),
      threads_("lifecycle", 1, 1),
      office_(threads_, control, box, schema_, service::site_options(s, "worker")),
      housekeeping_(
          office_, counts,
          {.spares = s.tenant_spares,
           .control_schema = control_schema,
           .keep_operations = std::chrono::duration_cast<std::chrono::seconds>(s.operations_keep)}) {}

}  // namespace bulkhead::worker
