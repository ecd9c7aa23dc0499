// SPDX-License-Identifier: Apache-2.0
// The values of one statement, encoded for the extended protocol: binary for uuid, integers, bool and
// timestamps, text for text. Each value tells its type, so a mismatch with the statement is an error of the
// first test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/wire.hpp"

namespace bulkhead::postgres {

class parameters {
public:
    parameters() = default;
    template <class... T>
    static parameters of(const T&... values) {
        parameters out;
        (out.add(values), ...);
        return out;
    }

    void add(std::string_view text);
    void add(const std::string& text) { add(std::string_view(text)); }
    void add(const char* text) { add(std::string_view(text)); }
    void add(bool value);
    void add(std::int16_t value);
    void add(std::int32_t value);
    void add(std::int64_t value);
    void add(const uuid& value);
    void add(utc_time value);
    template <class T>
    void add(const std::optional<T>& value) {
        if (value)
            add(*value);
        else
            add_null(type_of(static_cast<const T*>(nullptr)));
    }

    [[nodiscard]] int count() const noexcept { return static_cast<int>(slots_.size()); }

    /// The arrays that libpq takes; valid until the next add or fill.
    struct arrays {
        std::vector<unsigned> types;
        std::vector<const char*> values;
        std::vector<int> lengths, formats;
    };
    void fill(arrays& out) const;

private:
    struct slot {
        unsigned type;
        int format;
        std::size_t offset;
        int length;  // -1: null
    };
    static unsigned type_of(const std::string*) { return wire::oid::text; }
    static unsigned type_of(const std::string_view*) { return wire::oid::text; }
    static unsigned type_of(const bool*) { return wire::oid::boolean; }
    static unsigned type_of(const std::int16_t*) { return wire::oid::int2; }
    static unsigned type_of(const std::int32_t*) { return wire::oid::int4; }
    static unsigned type_of(const std::int64_t*) { return wire::oid::int8; }
    static unsigned type_of(const uuid*) { return wire::oid::uuid; }
    static unsigned type_of(const utc_time*) { return wire::oid::timestamptz; }

    void add_null(unsigned type);
    void add_binary(unsigned type, const void* bytes, std::size_t size);

    std::vector<slot> slots_;
    std::string bytes_;
};

}  // namespace bulkhead::postgres
