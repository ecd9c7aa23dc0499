// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/cursor.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace bulkhead::tasks {
namespace {

constexpr std::size_t check_size = 6;
constexpr std::size_t id_size = 16;

/// What makes two pages parts of the same list.
std::string fingerprint(const list_query& query) {
    std::string out(schema::enum_name(query.sort.value()));
    const auto add = [&out](const auto& filter, auto&& text) {
        out += filter ? '=' + text(*filter) : std::string("-");
        out += '\0';
    };
    add(query.completed, [](bool b) { return std::string(b ? "1" : "0"); });
    add(query.priority, [](priority p) { return std::string(schema::enum_name(p)); });
    add(query.due_before, [](utc_time t) { return std::to_string(t.time_since_epoch().count()); });
    add(query.q, [](const auto& q) { return q.str(); });
    return out;
}

std::string check_of(const list_query& query, std::string_view content) {
    return sha256(fingerprint(query).append(content)).to_string().substr(0, check_size);
}

std::string sort_value(sort_order order, const task& t) {
    switch (order) {
        case sort_order::created_at:
        case sort_order::created_at_descending:
            return std::to_string(t.created_at.time_since_epoch().count());
        case sort_order::due_at:
        case sort_order::due_at_descending:
            return t.due_at ? std::to_string(t.due_at->time_since_epoch().count()) : "";
        case sort_order::priority:
        case sort_order::priority_descending: return std::to_string(static_cast<int>(t.priority));
        case sort_order::title: return t.title;
    }
    return {};
}

}  // namespace

std::string make_cursor(const list_query& query, const task& last) {
    std::string content(reinterpret_cast<const char*>(last.id.bytes.data()), id_size);
    content += sort_value(query.sort.value(), last);
    return to_base64url(check_of(query, content) + content);
}

result<position> read_cursor(const list_query& query) {
    const auto raw = from_base64url(query.cursor->str());
    if (raw && raw->size() >= check_size + id_size) {
        const auto content = std::string_view(*raw).substr(check_size);
        if (check_of(query, content) == std::string_view(*raw).substr(0, check_size)) {
            position out{.value = std::string(content.substr(id_size)), .id = {}};
            std::copy_n(content.begin(), id_size, out.id.bytes.begin());
            return out;
        }
    }
    return fail_field("/query/cursor", "unknown_cursor",
                      "use next_cursor of the page before, with the same sort and filters");
}

}  // namespace bulkhead::tasks
