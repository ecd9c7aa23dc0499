// SPDX-License-Identifier: Apache-2.0
#include "events/event_column.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;

TEST_CASE("events: what is told is noted by the statement that changes, if somebody listens", "[events]") {
    const events::told_change change("delete from things where id = $1 returning id, name",
                                     events::event::task_deleted, "json_build_object('id', id)");
    CHECK(
        change.telling() ==
        "delete from things where id = $1 returning id, name, case when exists (select from webhooks w where "
        "w.disabled_at is null and 'task.deleted' = any (w.events)) then note_event('task.deleted', "
        "json_build_object('id', id), 'webhook.deliver', 1::smallint, 25) end");
}

TEST_CASE("events: jobs have the kind, the lane and the runs of deliveries", "[events]") {
    CHECK(events::insert_jobs_of("told") ==
          "insert into jobs (id, kind, lane, payload, version, most_attempts) "
          "select id, 'webhook.deliver', 1, '{}', 1, 25 from told returning id");
    CHECK(queue::check_kind_name(events::delivery_kind.name).has_value());
}
