// SPDX-License-Identifier: Apache-2.0
// A SQL text and the name under which servers prepare it: a hash of the text, so equal texts share one plan
// and changed ones never meet an old plan. Cheap to copy; `sql` must outlive it (a literal, or a cached
// string).
#pragma once

#include <cstdint>
#include <string_view>

namespace bulkhead::postgres {

struct statement {
    std::string_view sql;
    std::uint64_t hash;

    // Not explicit: repositories read `db.read("SELECT …", …)`.
    constexpr statement(std::string_view text) : sql(text), hash(fnv1a(text)) {}
    constexpr statement(const char* text) : statement(std::string_view(text)) {}

private:
    static constexpr std::uint64_t fnv1a(std::string_view text) {
        std::uint64_t h = 0xcbf29ce484222325;
        for (unsigned char c : text) h = (h ^ c) * 0x100000001b3;
        return h;
    }
};

}  // namespace bulkhead::postgres
