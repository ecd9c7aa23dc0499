// SPDX-License-Identifier: Apache-2.0
#include "features/jobs/list_sql.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "schema/page.hpp"

namespace bulkhead::jobs {
namespace {

/// What makes two pages parts of the same list.
std::string list_of(const list_query& query) {
    std::string text = query.state ? std::string(schema::enum_name(*query.state)) : "-";
    text += '\0';
    text += query.kind ? '=' + query.kind->str() : "-";
    return text;
}

std::string_view condition_of(state wanted) {
    switch (wanted) {
        case state::pending: return "state = 0 and run_at <= now()";
        case state::scheduled: return "state = 0 and run_at > now()";
        case state::running: return "state = 1";
        case state::succeeded: return "state = 2";
        case state::failed: return "state = 3";
        case state::cancelled: return "state = 4";
    }
    return "false";
}

/// Which parts the statement has; also its key in the cache.
struct shape {
    bool own, cursor, kind;
    std::optional<jobs::state> state;

    [[nodiscard]] unsigned key() const {
        const auto flags = (own ? 1U : 0U) | (cursor ? 2U : 0U) | (kind ? 4U : 0U);
        return flags | (state ? static_cast<unsigned>(*state) + 1 : 0U) << 3;
    }
};

std::string build(const shape& s) {
    std::string sql = fmt::format("select {} from jobs where true", job_columns);
    int next = 2;  // $1 is the limit
    if (s.own) sql += fmt::format(" and user_id = ${}", next++);
    if (s.cursor) {
        sql += fmt::format(" and (created_at, id) < (${}, ${})", next, next + 1);
        next += 2;
    }
    if (s.kind) sql += fmt::format(" and kind = ${}", next++);
    if (s.state) sql += fmt::format(" and {}", condition_of(*s.state));
    return sql + " order by created_at desc, id desc limit $1";
}

const std::string& cached(const shape& s) {
    thread_local std::unordered_map<unsigned, std::string> texts;
    auto& text = texts[s.key()];
    if (text.empty()) text = build(s);
    return text;
}

}  // namespace

std::string cursor_behind(const list_query& query, const job& last) {
    return schema::make_cursor(list_of(query), {.value = schema::key_value(last.created_at), .id = last.id});
}

result<list_statement> list_jobs(const std::optional<uuid>& user, const list_query& query) {
    const shape s{.own = user.has_value(),
                  .cursor = query.cursor.has_value(),
                  .kind = query.kind.has_value(),
                  .state = query.state};
    auto values = postgres::parameters::of(query.limit->value() + 1);
    if (user) values.add(*user);
    if (s.cursor) {
        const auto at = schema::read_row_cursor(list_of(query), query.cursor->str());
        if (!at) return std::unexpected(at.error());
        const auto created_at = schema::read_key_time(at->value);
        if (!created_at) return std::unexpected(created_at.error());
        values.add(*created_at);
        values.add(at->id);
    }
    if (s.kind) values.add(query.kind->str());
    return list_statement{cached(s), std::move(values)};
}

}  // namespace bulkhead::jobs
