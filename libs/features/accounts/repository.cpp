// SPDX-License-Identifier: Apache-2.0
#include "features/accounts/repository.hpp"

#include "events/event_column.hpp"

namespace bulkhead::accounts {
namespace {

#define USER_COLUMNS "id, email, name, role, email_verified, created_at"

#define USER_EVENT_DATA                                                                          \
    "json_build_object('id', id, 'email', email, 'name', name, 'role', role, 'email_verified', " \
    "email_verified, 'created_at', " EVENT_TIME("created_at") ")"

constexpr int told_column = 6;  // behind USER_COLUMNS

user read_user(const postgres::result_set::row& row) {
    return {.id = row.get<uuid>(0),
            .email = row.get<std::string>(1),
            .name = row.get<std::string>(2),
            .role = schema::enum_from<auth::role>(row.get<std::string_view>(3)).value(),
            .email_verified = row.get<bool>(4),
            .created_at = row.get<utc_time>(5)};
}

result<std::optional<account>> read_account(const result<postgres::result_set>& rows) {
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    const auto row = (*rows)[0];
    return account{
        .user = read_user(row), .password_hash = row.get<std::string>(6), .disabled = row.get<bool>(7)};
}

}  // namespace

awaitable<result<user>> repository::add(std::string email, std::string name,
                                        std::string password_hash) const {
    // Where their number is limited, users are added one after the other: the lock is held until the insert
    // is committed, and each statement sees what was committed before it began.
    std::vector<postgres::query> statements;
    if (limit_)
        statements.push_back({"select pg_advisory_xact_lock(7091022571346686579)", {}});  // "bh_users"
    std::optional<std::int64_t> most;
    if (limit_) most = limit_->value();
    static const events::told_change sql(
        "insert into users (id, email, name, password_hash) select $1, $2, $3, $4 "
        "where $5::bigint is null or (select count(*) from users) < $5 returning " USER_COLUMNS,
        events::event::user_created, USER_EVENT_DATA);
    statements.push_back(
        {sql.in(tenant_), postgres::parameters::of(uuid::generate(), email, name, password_hash, most)});
    const auto done = co_await db_.write_all(std::move(statements));
    if (!done && done.error().code == errc::conflict) co_return fail(errc::email_taken);
    if (!done) co_return std::unexpected(done.error());
    const auto& rows = done->back();
    if (rows.empty()) co_return fail(errc::quota_exceeded, "the tenant has as many users as it may have");
    events::tell(tenant_, rows[0], told_column);
    co_return read_user(rows[0]);
}

awaitable<result<std::optional<account>>> repository::find_by_email(std::string email) const {
    co_return read_account(co_await db_.read(
        "select " USER_COLUMNS ", password_hash, disabled from users where email = $1", email));
}

awaitable<result<std::optional<account>>> repository::find(uuid id) const {
    co_return read_account(
        co_await db_.read("select " USER_COLUMNS ", password_hash, disabled from users where id = $1", id));
}

awaitable<result<>> repository::record_login(uuid id, std::string known_hash,
                                             std::optional<std::string> new_hash) const {
    const auto done = co_await db_.write(
        "update users set last_login_at = now(), "
        "password_hash = case password_hash when $2 then coalesce($3, $2) else password_hash end "
        "where id = $1",
        id, known_hash, new_hash);
    if (!done) co_return std::unexpected(done.error());
    co_return result<>{};
}

}  // namespace bulkhead::accounts
