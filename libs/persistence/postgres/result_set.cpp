// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/result_set.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <cstring>
#include <stdexcept>

#include "persistence/postgres/wire.hpp"

namespace bulkhead::postgres {
void result_set::clear::operator()(pg_result* r) const noexcept { PQclear(r); }

int result_set::size() const noexcept { return PQntuples(result_.get()); }

std::string_view result_set::command() const noexcept {
    // PQcmdStatus takes a non-const pointer but only reads.
    return result_ ? PQcmdStatus(result_.get()) : "";
}

std::int64_t result_set::affected() const {
    // PQcmdTuples takes a non-const pointer but only reads.
    const std::string_view text = PQcmdTuples(result_.get());
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

bool result_set::row::is_null(int column) const { return PQgetisnull(result_, index_, column) == 1; }

std::string_view result_set::row::bytes(int column, unsigned type) const {
    const auto actual = PQftype(result_, column);
    if (actual != type && !(type == wire::oid::text && actual == wire::oid::varchar))
        throw std::logic_error(fmt::format("column {} has type {}, not {}", column, actual, type));
    if (is_null(column)) throw std::logic_error(fmt::format("column {} is null", column));
    return {PQgetvalue(result_, index_, column),
            static_cast<std::size_t>(PQgetlength(result_, index_, column))};
}

void result_set::row::read(int column, std::string_view& out) const { out = bytes(column, wire::oid::text); }
void result_set::row::read(int column, std::string& out) const { out = bytes(column, wire::oid::text); }
void result_set::row::read(int column, bool& out) const {
    out = bytes(column, wire::oid::boolean).front() != 0;
}
void result_set::row::read(int column, std::int16_t& out) const {
    out = wire::from_big_endian<std::int16_t>(bytes(column, wire::oid::int2).data());
}
void result_set::row::read(int column, std::int32_t& out) const {
    out = wire::from_big_endian<std::int32_t>(bytes(column, wire::oid::int4).data());
}
void result_set::row::read(int column, std::int64_t& out) const {
    out = wire::from_big_endian<std::int64_t>(bytes(column, wire::oid::int8).data());
}
void result_set::row::read(int column, uuid& out) const {
    std::memcpy(out.bytes.data(), bytes(column, wire::oid::uuid).data(), out.bytes.size());
}
void result_set::row::read(int column, utc_time& out) const {
    out = wire::epoch + std::chrono::microseconds{wire::from_big_endian<std::int64_t>(
                            bytes(column, wire::oid::timestamptz).data())};
}

}  // namespace bulkhead::postgres
