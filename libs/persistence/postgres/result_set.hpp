// SPDX-License-Identifier: Apache-2.0
// The rows that one statement gave, in binary format, read in place. Text is a view into the result: copy
// what must outlive it. Reading a column as another type than it has is a bug and throws std::logic_error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/uuid.hpp"

struct pg_result;

namespace bulkhead::postgres {

class result_set {
public:
    result_set() = default;
    explicit result_set(pg_result* owned) : result_(owned) {}

    class row {
    public:
        row(const pg_result* result, int index) : result_(result), index_(index) {}

        /// T: std::string_view, std::string, bool, std::int16_t, std::int32_t, std::int64_t, uuid, utc_time,
        /// or std::optional of one of them for columns that may be null.
        template <class T>
        [[nodiscard]] T get(int column) const {
            T out;
            read(column, out);
            return out;
        }

    private:
        void read(int column, std::string_view& out) const;
        void read(int column, std::string& out) const;
        void read(int column, bool& out) const;
        void read(int column, std::int16_t& out) const;
        void read(int column, std::int32_t& out) const;
        void read(int column, std::int64_t& out) const;
        void read(int column, uuid& out) const;
        void read(int column, utc_time& out) const;
        template <class T>
        void read(int column, std::optional<T>& out) const {
            if (!is_null(column)) read(column, out.emplace());
        }
        [[nodiscard]] bool is_null(int column) const;
        [[nodiscard]] std::string_view bytes(int column, unsigned type) const;

        const pg_result* result_;
        int index_;
    };

    [[nodiscard]] int size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] row operator[](int index) const { return {result_.get(), index}; }

    /// What the server says it has done: "INSERT 0 1", "COMMIT". Valid as long as this object.
    [[nodiscard]] std::string_view command() const noexcept;

    /// Rows touched by INSERT, UPDATE or DELETE.
    [[nodiscard]] std::int64_t affected() const;

private:
    struct clear {
        void operator()(pg_result* r) const noexcept;
    };
    std::unique_ptr<pg_result, clear> result_;
};

}  // namespace bulkhead::postgres
