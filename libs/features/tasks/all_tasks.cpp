// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/all_tasks.hpp"

#include "features/tasks/task_row.hpp"

namespace bulkhead::tasks {
namespace {

using postgres::parameters;

}  // namespace

awaitable<result<std::int64_t>> all_tasks::count(postgres::transaction& within) const {
    const postgres::query ask{"select count(*) from tasks where user_id = $1", parameters::of(user_)};
    const auto rows = co_await within.run({&ask, 1});
    if (!rows) co_return std::unexpected(rows.error());
    co_return rows->front()[0].get<std::int64_t>(0);
}

awaitable<result<std::vector<task>>> all_tasks::next(postgres::transaction& within, int most) {
    postgres::query ask{"select " TASK_COLUMNS
                        " from tasks where user_id = $1 order by created_at desc, id desc limit $2",
                        parameters::of(user_, std::int64_t{most})};
    if (after_)
        ask = {"select " TASK_COLUMNS
               " from tasks where user_id = $1 and (created_at, id) < ($3, $4) "
               "order by created_at desc, id desc limit $2",
               parameters::of(user_, std::int64_t{most}, after_->created_at, after_->id)};
    const auto rows = co_await within.run({&ask, 1});
    if (!rows) co_return std::unexpected(rows.error());
    const auto& found = rows->front();
    std::vector<task> out;
    out.reserve(static_cast<std::size_t>(found.size()));
    for (int i = 0; i < found.size(); ++i) out.push_back(read_task(found[i]));
    if (!out.empty()) after_ = place{out.back().created_at, out.back().id};
    co_return out;
}

}  // namespace bulkhead::tasks
