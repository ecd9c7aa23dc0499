// SPDX-License-Identifier: Apache-2.0
// Where a page of a list ended: the sort value and id of its last row. Opaque to clients, bound to the query
// it was made for, checked against accidents and edits. It grants nothing: every query is limited to its user
// anyway.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/uuid.hpp"
#include "features/tasks/model.hpp"

namespace bulkhead::tasks {

struct position {
    std::string value;  // of the sort column: text as it is, numbers and times as decimal digits
    uuid id;
};

/// The cursor for the page of `query` behind `last`.
std::string make_cursor(const list_query& query, const task& last);

/// errc::validation_failed on /query/cursor when it was not made for this sort and these filters.
result<position> read_cursor(const list_query& query);

}  // namespace bulkhead::tasks
