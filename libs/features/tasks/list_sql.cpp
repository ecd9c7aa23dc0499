// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/list_sql.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "features/tasks/task_row.hpp"
#include "schema/page.hpp"

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

/// What makes two pages parts of the same list.
std::string list_of(const list_query& query) {
    std::string out(schema::enum_name(query.sort.value()));
    const auto add = [&out](const auto& filter, auto&& text) {
        out += filter ? '=' + text(*filter) : std::string("-");
        out += '\0';
    };
    add(query.completed, [](bool b) { return std::string(b ? "1" : "0"); });
    add(query.priority, [](priority p) { return std::string(schema::enum_name(p)); });
    add(query.due_before, [](utc_time t) { return schema::key_value(t); });
    add(query.q, [](const auto& q) { return q.str(); });
    return out;
}

std::string sort_value(sort_order order, const task& t) {
    switch (order) {
        case sort_order::created_at:
        case sort_order::created_at_descending: return schema::key_value(t.created_at);
        case sort_order::due_at:
        case sort_order::due_at_descending: return t.due_at ? schema::key_value(*t.due_at) : "";
        case sort_order::priority:
        case sort_order::priority_descending: return std::to_string(static_cast<int>(t.priority));
        case sort_order::title: return t.title;
    }
    return {};
}

/// The value to begin behind, unless it is "no due date", which stands in the statement.
result<> add_edge(postgres::parameters& values, sort_order order, const std::string& value) {
    switch (order) {
        case sort_order::created_at:
        case sort_order::created_at_descending:
        case sort_order::due_at:
        case sort_order::due_at_descending: {
            const auto time = schema::read_key_time(value);
            if (!time) return std::unexpected(time.error());
            values.add(*time);
            break;
        }
        case sort_order::priority:
        case sort_order::priority_descending: {
            const auto number = schema::read_key_number(value);
            if (!number) return std::unexpected(number.error());
            values.add(*number);
            break;
        }
        case sort_order::title: values.add(value); break;
    }
    return {};
}

}  // namespace

std::string cursor_behind(const list_query& query, const task& last) {
    return schema::make_cursor(list_of(query),
                               {.value = sort_value(query.sort.value(), last), .id = last.id});
}

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
        const auto at = schema::read_row_cursor(list_of(query), query.cursor->str());
        if (!at) return std::unexpected(at.error());
        s.no_due_date = is_due(order) && at->value.empty();
        if (!s.no_due_date)
            if (auto added = add_edge(values, order, at->value); !added)
                return std::unexpected(added.error());
        values.add(at->id);
    }
    if (s.completed) values.add(*query.completed);
    if (s.priority) values.add(static_cast<std::int16_t>(*query.priority));
    if (s.due_before) values.add(*query.due_before);
    if (s.q) values.add(query.q->str());
    return list_statement{cached(s), std::move(values)};
}

}  // namespace bulkhead::tasks
