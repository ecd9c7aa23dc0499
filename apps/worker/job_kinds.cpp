// SPDX-License-Identifier: Apache-2.0
#include "job_kinds.hpp"

#include <type_traits>

#include "features/tasks/all_tasks.hpp"

namespace bulkhead::worker {
namespace {

template <class... Handlers>
void add(queue::handlers& to, std::tuple<Handlers&...> kinds) {
    std::apply([&to](auto&... each) { (to.add(each), ...); }, kinds);
}

template <class... Handlers>
void know(queue::handlers& to, std::type_identity<std::tuple<Handlers&...>>) {
    (to.know<Handlers>(), ...);
}

}  // namespace

job_kinds::job_kinds(const config::settings& s, job_tools& tools,
                     const std::function<void(queue::handlers&)>& also)
    : retention_({.succeeded = s.queue_keep_succeeded, .failed = s.queue_keep_failed}),
      export_tasks_(tools.files(), exports::lines_by<tasks::all_tasks>(), {.kept = s.export_ttl}),
      export_retention_(tools.files()),
      deliver_webhook_(tools.webhooks().handler()),
      webhook_retention_(s.webhook_keep_deliveries) {
    add(all_, own());
    if (auto* const mails = tools.mails()) all_.add(send_mail_.emplace(*mails, tools.paper()));
    if (also) also(all_);
    if (s.env == config::environment::test) add(all_, exercises_.emplace().all());
}

queue::handlers known_kinds(const config::settings& s) {
    queue::handlers out;
    know(out, std::type_identity<decltype(std::declval<job_kinds&>().own())>{});
    know(out, std::type_identity<std::tuple<mailing::send_mail&>>{});
    if (s.env == config::environment::test)
        know(out, std::type_identity<decltype(std::declval<exercises&>().all())>{});
    return out;
}

std::vector<queue::schedule> schedules() {
    std::vector<queue::schedule> out;
    out.push_back(queue::retention::daily());
    out.push_back(exports::export_retention::hourly());
    out.push_back(webhooks::retention::daily());
    return out;
}

}  // namespace bulkhead::worker
