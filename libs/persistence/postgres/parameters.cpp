// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/parameters.hpp"

namespace bulkhead::postgres {

void parameters::add(std::string_view text) {
    slots_.push_back({wire::oid::text, 0, bytes_.size(), static_cast<int>(text.size())});
    bytes_.append(text) += '\0';  // libpq measures text parameters itself
}

void parameters::add(bool value) {
    const char byte = value ? 1 : 0;
    add_binary(wire::oid::boolean, &byte, 1);
}

void parameters::add(std::int16_t value) {
    const auto big = wire::to_big_endian(value);
    add_binary(wire::oid::int2, &big, sizeof big);
}

void parameters::add(std::int32_t value) {
    const auto big = wire::to_big_endian(value);
    add_binary(wire::oid::int4, &big, sizeof big);
}

void parameters::add(std::int64_t value) {
    const auto big = wire::to_big_endian(value);
    add_binary(wire::oid::int8, &big, sizeof big);
}

void parameters::add(const uuid& value) {
    add_binary(wire::oid::uuid, value.bytes.data(), value.bytes.size());
}

void parameters::add(utc_time value) {
    const auto big = wire::to_big_endian(static_cast<std::int64_t>((value - wire::epoch).count()));
    add_binary(wire::oid::timestamptz, &big, sizeof big);
}

void parameters::add_null(unsigned type) { slots_.push_back({type, 1, 0, -1}); }

void parameters::add_binary(unsigned type, const void* bytes, std::size_t size) {
    slots_.push_back({type, 1, bytes_.size(), static_cast<int>(size)});
    bytes_.append(static_cast<const char*>(bytes), size);
}

void parameters::fill(arrays& out) const {
    out.types.clear();
    out.values.clear();
    out.lengths.clear();
    out.formats.clear();
    for (const auto& s : slots_) {
        out.types.push_back(s.type);
        out.values.push_back(s.length < 0 ? nullptr : bytes_.data() + s.offset);
        out.lengths.push_back(s.length < 0 ? 0 : s.length);
        out.formats.push_back(s.format);
    }
}

}  // namespace bulkhead::postgres
