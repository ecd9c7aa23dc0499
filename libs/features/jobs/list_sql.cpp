// SPDX-License-Identifier: Apache-2.0
#include "features/jobs/list_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace bulkhead::jobs {
namespace {

constexpr std::size_t check_size = 6;
constexpr std::size_t time_size = sizeof(std::int64_t);
constexpr std::size_t id_size = 16;

struct position {
    utc_time created_at;
    uuid id;
};

std::string check_of(const list_query& query, std::string_view content) {
    std::string text = query.state ? std::string(schema::enum_name(*query.state)) : "-";
    text += '\0';
    text += query.kind ? '=' + query.kind->str() : "-";
    text += '\0';
    return sha256(text.append(content)).to_string().substr(0, check_size);
}

result<position> read_cursor(const list_query& query) {
    const auto raw = from_base64url(query.cursor->str());
    if (raw && raw->size() == check_size + time_size + id_size) {
        const auto content = std::string_view(*raw).substr(check_size);
        if (check_of(query, content) == std::string_view(*raw).substr(0, check_size)) {
            std::int64_t when = 0;
            std::memcpy(&when, content.data(), time_size);
            position out{.created_at = utc_time{std::chrono::microseconds{when}}, .id = {}};
            std::copy_n(content.begin() + time_size, id_size, out.id.bytes.begin());
            return out;
        }
    }
    return fail_field("/query/cursor", "unknown_cursor",
                      "use next_cursor of the page before, with the same filters");
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

std::string make_cursor(const list_query& query, const job& last) {
    std::string content(time_size, '\0');
    const std::int64_t when = last.created_at.time_since_epoch().count();
    std::memcpy(content.data(), &when, time_size);
    content.append(reinterpret_cast<const char*>(last.id.bytes.data()), id_size);
    return to_base64url(check_of(query, content) + content);
}

result<list_statement> list_jobs(const std::optional<uuid>& user, const list_query& query) {
    const shape s{.own = user.has_value(),
                  .cursor = query.cursor.has_value(),
                  .kind = query.kind.has_value(),
                  .state = query.state};
    auto values = postgres::parameters::of(query.limit->value() + 1);
    if (user) values.add(*user);
    if (s.cursor) {
        const auto at = read_cursor(query);
        if (!at) return std::unexpected(at.error());
        values.add(at->created_at);
        values.add(at->id);
    }
    if (s.kind) values.add(query.kind->str());
    return list_statement{cached(s), std::move(values)};
}

}  // namespace bulkhead::jobs
