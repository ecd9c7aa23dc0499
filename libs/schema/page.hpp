// SPDX-License-Identifier: Apache-2.0
// Lists by pages: a page ends at a row, and its cursor leads to what is behind that row. Cursors are opaque
// to clients, bound to the list they were made for, and checked against accidents. Anybody can make one up:
// they grant nothing and hide nothing, and what they lead to is checked like any other input. Pure functions.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

namespace bulkhead::schema {

/// `list` tells the list from others: its name, order and filters. `last` is the key of the page's last row,
/// text.
std::string make_cursor(std::string_view list, std::string_view last);

/// The key: UTF-8 without NUL. errc::validation_failed on /query/cursor when it was not made for this list.
result<std::string> read_cursor(std::string_view list, std::string_view cursor);

/// Where a list has more to sort by than ids: the value that it is sorted by, and the id that tells rows of
/// the same value apart.
struct row_key {
    std::string value;
    uuid id;
};
std::string make_cursor(std::string_view list, const row_key& last);
result<row_key> read_row_cursor(std::string_view list, std::string_view cursor);

/// Values of keys that are no text. Reading fails as a cursor of another list does; times are of the years 1
/// to 9999.
std::string key_value(utc_time time);
result<utc_time> read_key_time(std::string_view value);
result<std::int64_t> read_key_number(std::string_view value);

/// The first `limit` of the rows, each as `read` gives it. When there is one more, `cursor_of` makes the
/// cursor out of the last item.
template <class Page, class Rows, class Read, class CursorOf>
Page page_of(const Rows& rows, std::int64_t limit, Read read, CursorOf cursor_of) {
    Page page;
    const auto size = std::min(rows.size(), static_cast<int>(limit));
    page.items.reserve(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) page.items.push_back(read(rows[i]));
    if (rows.size() > size) page.next_cursor = cursor_of(page.items.back());
    return page;
}

}  // namespace bulkhead::schema
