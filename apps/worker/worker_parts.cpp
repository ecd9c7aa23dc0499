// SPDX-License-Identifier: Apache-2.0
#include "worker_parts.hpp"

#include "service/from_settings.hpp"

namespace bulkhead::worker {
namespace {

queue::runner_settings runner_options(const shared_parts& shared, std::size_t index, std::size_t count) {
    const auto& all = shared.settings.worker_concurrency;
    queue::runner_settings out;
    out.slots = queue::part_of(all, index, count);
    out.process_slots = all;
    out.owner = shared.owner;
    out.poll *= static_cast<int>(count);
    return out;
}

}  // namespace

worker_parts::worker_parts(runtime::reactor& home, const shared_parts& shared, std::size_t index,
                           std::size_t count)
    : pools_(home.get_executor(), shared.pools),
      redis_(home.get_executor(), service::redis_target(shared.settings),
             service::redis_options(shared.metrics)),
      tenants_(pools_, shared.control, shared.box, tenancy::registry_metrics(shared.metrics)),
      kinds_(shared.settings, shared.tools, shared.more_kinds),
      dispatch_(redis_, shared.settings.queue_shards),
      counts_(shared.metrics, kinds_.all()),
      desk_{.tenants = tenants_,
            .known = kinds_.all(),
            .leases = shared.leases,
            .counts = counts_,
            .report = shared.report},
      runner_(home.get_executor(), dispatch_, desk_, runner_options(shared, index, count), shared.on_more) {
    for (std::size_t i = 0; i < queue::lanes; ++i) {
        const auto which = static_cast<queue::lane>(i);
        bells_[i] =
            std::make_unique<redis::waiter>(home.get_executor(), service::redis_target(shared.settings),
                                            queue::bell_keys(which, shared.settings.queue_shards));
        runner_.listen_to(which, *bells_[i]);
    }
    if (index == 0)
        cron_.emplace(home.get_executor(), redis_, dispatch_, tenants_, schedules(), shared.metrics);
}

void worker_parts::start() {
    pools_.start();
    redis_.start();
    for (auto& each : bells_) each->start();
    runner_.start();
    if (cron_) cron_->start();
}

void worker_parts::stop() {
    if (cron_) cron_->stop();
    runner_.stop();
    for (auto& each : bells_) each->stop();
    redis_.stop();
    pools_.stop();
}

}  // namespace bulkhead::worker
