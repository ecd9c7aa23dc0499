// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/statement_cache.hpp"

#include <fmt/format.h>

namespace bulkhead::postgres {

statement_cache::use statement_cache::touch(std::uint64_t hash) {
    if (const auto found = entries_.find(hash); found != entries_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return {.known = true, .evicted = std::nullopt};
    }
    use out{.known = false, .evicted = std::nullopt};
    if (entries_.size() >= limit_) {
        out.evicted = order_.back();
        entries_.erase(order_.back());
        order_.pop_back();
    }
    order_.push_front(hash);
    entries_.emplace(hash, order_.begin());
    return out;
}

void statement_cache::forget(std::uint64_t hash) {
    const auto found = entries_.find(hash);
    if (found == entries_.end()) return;
    order_.erase(found->second);
    entries_.erase(found);
}

std::string statement_cache::name_of(std::uint64_t hash) { return fmt::format("b{:016x}", hash); }

}  // namespace bulkhead::postgres
