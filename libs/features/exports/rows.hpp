// SPDX-License-Identifier: Apache-2.0
// What an export is made of: rows that come page by page and leave as the lines of a file. A feature gives
// its rows by a reader, knowing nothing of exports; whoever wires the program brings both together
// (lines_of). Belongs to one run of one job.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "features/exports/csv.hpp"
#include "features/exports/model.hpp"
#include "persistence/postgres/transaction.hpp"
#include "schema/schema.hpp"

namespace bulkhead::exports {

/// All rows of one user, in an order that no two of them share.
template <class R>
concept row_reader = schema::described<typename R::row> && schema::writable<typename R::row> &&
    requires(R& reader, postgres::transaction& within, int most) {
    { reader.count(within) } -> std::same_as<awaitable<result<std::int64_t>>>;
    { reader.next(within, most) } -> std::same_as<awaitable<result<std::vector<typename R::row>>>>;
};

class lines {
public:
    virtual ~lines() = default;

    /// How many there will be, within the snapshot that they are read from.
    virtual awaitable<result<std::int64_t>> count(postgres::transaction& within) = 0;
    /// What the file begins with.
    virtual void append_head(std::string& out) const = 0;
    /// Appends the next lines, at most `most`, and gives how many: fewer only at the end.
    virtual awaitable<result<int>> append_next(postgres::transaction& within, int most, std::string& out) = 0;
};

template <row_reader R>
class lines_of final : public lines {
public:
    lines_of(R reader, file_format format) : reader_(std::move(reader)), format_(format) {}

    awaitable<result<std::int64_t>> count(postgres::transaction& within) override {
        return reader_.count(within);
    }
    void append_head(std::string& out) const override {
        if (format_ == file_format::csv) append_csv_head<typename R::row>(out);
    }
    awaitable<result<int>> append_next(postgres::transaction& within, int most, std::string& out) override {
        auto page = co_await reader_.next(within, most);
        if (!page) co_return std::unexpected(std::move(page.error()));
        for (const auto& row : *page) append_line(out, row);
        co_return static_cast<int>(page->size());
    }

private:
    void append_line(std::string& out, const typename R::row& row) const {
        if (format_ == file_format::csv) return append_csv_line(out, row);
        schema::write_json(out, row);
        out += '\n';
    }

    R reader_;
    const file_format format_;
};

using lines_maker = std::function<std::unique_ptr<lines>(const uuid& user, file_format format)>;

/// For readers that are made of a user's id.
template <row_reader R>
[[nodiscard]] lines_maker lines_by() {
    return
        [](const uuid& user, file_format format) { return std::make_unique<lines_of<R>>(R(user), format); };
}

}  // namespace bulkhead::exports
