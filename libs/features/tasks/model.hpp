// SPDX-License-Identifier: Apache-2.0
// Tasks as the API speaks of them.
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/schema.hpp"

namespace bulkhead::tasks {

enum class priority : std::int16_t { low, medium, high };
BOOST_DESCRIBE_ENUM(priority, low, medium, high)

using title_text = schema::text<1, 200>;
using description_text = schema::text<0, 10'000>;

struct task {
    uuid id;
    std::string title;
    std::string description;
    bool completed = false;
    tasks::priority priority = priority::medium;
    std::optional<utc_time> due_at;
    std::int64_t version = 1;
    utc_time created_at;
    utc_time updated_at;
};
BOOST_DESCRIBE_STRUCT(task, (),
                      (id, title, description, completed, priority, due_at, version, created_at, updated_at))

/// The strong entity tag of a version.
inline std::string etag_of(const task& t) { return "\"" + std::to_string(t.version) + "\""; }

/// Body of POST and PUT: what is left out has its default.
struct task_input {
    title_text title;
    schema::or_default<description_text> description;
    schema::or_default<bool, false> completed;
    schema::or_default<tasks::priority, tasks::priority::medium> priority;
    std::optional<utc_time> due_at;
};
BOOST_DESCRIBE_STRUCT(task_input, (), (title, description, completed, priority, due_at))

/// Body of PATCH: what is left out stays as it is; null gives a member its default back (RFC 7396).
struct task_patch {
    schema::change<title_text> title;
    schema::patch<description_text> description;
    schema::patch<bool> completed;
    schema::patch<tasks::priority> priority;
    schema::patch<utc_time> due_at;
};
BOOST_DESCRIBE_STRUCT(task_patch, (), (title, description, completed, priority, due_at))

/// The orders a list can have.
enum class sort_order {
    created_at,
    created_at_descending,
    due_at,
    due_at_descending,
    priority,
    priority_descending,
    title
};

constexpr auto spellings_of(std::type_identity<sort_order>) {
    using spelling = schema::spelling<sort_order>;
    return std::array{spelling{sort_order::created_at, "created_at"},
                      spelling{sort_order::created_at_descending, "-created_at"},
                      spelling{sort_order::due_at, "due_at"},
                      spelling{sort_order::due_at_descending, "-due_at"},
                      spelling{sort_order::priority, "priority"},
                      spelling{sort_order::priority_descending, "-priority"},
                      spelling{sort_order::title, "title"}};
}

struct list_query {
    std::optional<bool> completed;
    std::optional<tasks::priority> priority;
    std::optional<utc_time> due_before;
    std::optional<schema::text<1, 200>> q;
    schema::or_default<sort_order, sort_order::created_at_descending> sort;
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<schema::text<1, 2000>> cursor;
};
BOOST_DESCRIBE_STRUCT(list_query, (), (completed, priority, due_before, q, sort, limit, cursor))

struct task_page {
    std::vector<task> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(task_page, (), (items, next_cursor))

}  // namespace bulkhead::tasks
