// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/list_sql.hpp"

#include <fmt/format.h>

#include <charconv>
#include <unordered_map>

#include "features/tasks/cursor.hpp"
#include "features/tasks/task_row.hpp"

namespace bulkhead::tasks {
namespace {

/// A sort column as SQL: rows without a due date come last in either direction.
struct ordering {
    std::string_view key;
    bool descending;
};

ordering ordering_of(sort_order order) {
    switch (order) {
        case sort_order::created_at: return {"created_at", false};
        case sort_order::created_at_descending: return {"created_at", true};
        case sort_order::due_at: return {"coalesce(due_at, 'infinity')", false};
        case sort_order::due_at_descending: return {"coalesce(due_at, '-infinity')", true};
        case sort_order::priority: return {"priority", false};
        case sort_order::priority_descending: return {"priority", true};
        case sort_order::title: return {"title", false};
    }
    return {"created_at", true};
}

bool is_due(sort_order order) {
    return order == sort_order::due_at || order == sort_order::due_at_descending;
}

/// Which parts the statement has; also its key in the cache.
struct shape {
    sort_order order;
    bool cursor, no_due_date, completed, priority, due_before, q;

    [[nodiscard]] unsigned key() const {
        unsigned bits = static_cast<unsigned>(order);
        for (bool part : {cursor, no_due_date, completed, priority, due_before, q})
            bits = bits << 1 | (part ? 1U : 0U);
        return bits;
    }
};

std::string build(const shape& s) {
    const auto by = ordering_of(s.order);
    std::string sql = fmt::format("select {} from tasks where user_id = $1", task_columns);
    int next = 3;  // $2 is the limit
    if (s.cursor) {
        const std::string edge = !s.no_due_date  ? fmt::format("${}", next++)
                                 : by.descending ? "timestamptz '-infinity'"
                                                 : "timestamptz 'infinity'";
        sql += fmt::format(" and ({}, id) {} ({}, ${})", by.key, by.descending ? '<' : '>', edge, next);
        ++next;
    }
    if (s.completed) sql += fmt::format(" and completed = ${}", next++);
    if (s.priority) sql += fmt::format(" and priority = ${}", next++);
    if (s.due_before) sql += fmt::format(" and due_at < ${}", next++);
    if (s.q) {
        sql += fmt::format(
            " and (strpos(lower(title), lower(${0})) > 0 or strpos(lower(description), lower(${0})) > 0)",
            next);
    }
    const std::string_view direction = by.descending ? " desc" : "";
    sql += fmt::format(" order by {0}{1}, id{1} limit $2", by.key, direction);
    return sql;
}

const std::string& cached(const shape& s) {
    thread_local std::unordered_map<unsigned, std::string> texts;
    auto& text = texts[s.key()];
    if (text.empty()) text = build(s);
    return text;
}

/// The cursor's check makes sure that the digits are digits.
template <class T>
T number(std::string_view digits) {
    T value{};
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

void add_edge(postgres::parameters& values, sort_order order, const position& at) {
    switch (order) {
        case sort_order::created_at:
        case sort_order::created_at_descending:
        case sort_order::due_at:
        case sort_order::due_at_descending:
            values.add(utc_time{std::chrono::microseconds{number<std::int64_t>(at.value)}});
            break;
        case sort_order::priority:
        case sort_order::priority_descending: values.add(number<std::int16_t>(at.value)); break;
        case sort_order::title: values.add(at.value); break;
    }
}

}  // namespace

result<list_statement> list_tasks_of(const uuid& user, const list_query& query) {
    const auto order = query.sort.value();
    shape s{.order = order,
            .cursor = query.cursor.has_value(),
            .no_due_date = false,
            .completed = query.completed.has_value(),
            .priority = query.priority.has_value(),
            .due_before = query.due_before.has_value(),
            .q = query.q.has_value()};
    auto values = postgres::parameters::of(user, query.limit->value() + 1);
    if (s.cursor) {
        const auto at = read_cursor(query);
        if (!at) return std::unexpected(at.error());
        s.no_due_date = is_due(order) && at->value.empty();
        if (!s.no_due_date) add_edge(values, order, *at);
        values.add(at->id);
    }
    if (s.completed) values.add(*query.completed);
    if (s.priority) values.add(static_cast<std::int16_t>(*query.priority));
    if (s.due_before) values.add(*query.due_before);
    if (s.q) values.add(query.q->str());
    return list_statement{cached(s), std::move(values)};
}

}  // namespace bulkhead::tasks
