// SPDX-License-Identifier: Apache-2.0
#include "features/exports/file_ledger.hpp"

namespace bulkhead::exports {

storage::object_key key_of(const uuid& tenant, const uuid& file) {
    return storage::object_key::make(tenant, {"exports", file.to_string()}).value();
}

awaitable<result<>> file_ledger::note(uuid file, uuid export_id) const {
    const auto rows =
        co_await db_.write("insert into export_files (id, export_id) values ($1, $2)", file, export_id);
    if (!rows) co_return std::unexpected(rows.error());
    co_return result<>{};
}

awaitable<result<>> file_ledger::strike_out(uuid file) const {
    const auto rows = co_await db_.write("delete from export_files where id = $1", file);
    if (!rows) co_return std::unexpected(rows.error());
    co_return result<>{};
}

awaitable<result<std::int64_t>> file_ledger::forget_expired() const {
    const auto rows = co_await db_.write("delete from exports where expires_at <= now()");
    if (!rows) co_return std::unexpected(rows.error());
    co_return rows->affected();
}

awaitable<result<std::vector<uuid>>> file_ledger::left_over(std::chrono::seconds age, int most) const {
    const auto rows = co_await db_.read(
        "select f.id from export_files f where f.created_at <= now() - $1 * interval '1 second' "
        "and not exists (select from exports e where e.file = f.id) order by f.created_at, f.id limit $2",
        std::int64_t{age.count()}, std::int64_t{most});
    if (!rows) co_return std::unexpected(rows.error());
    std::vector<uuid> out;
    for (int i = 0; i < rows->size(); ++i) out.push_back((*rows)[i].get<uuid>(0));
    co_return out;
}

}  // namespace bulkhead::exports
