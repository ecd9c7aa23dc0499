// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/statement_cache.hpp"

#include <fmt/format.h>

namespace bulkhead::postgres {

statement_cache::use statement_cache::touch(std::uint64_t hash) {
    if (const auto found = entries_.find(hash); found != entries_.end()) {
        order_.splice(order_.begin(), order_, found->second.place);
        return {.known = true, .serial = found->second.serial};
    }
    order_.push_front(hash);
    entries_.emplace(hash, entry{order_.begin(), ++last_serial_});
    return {.known = false, .serial = last_serial_};
}

std::optional<std::uint64_t> statement_cache::evict() {
    if (entries_.size() <= limit_) return std::nullopt;
    const auto oldest = order_.back();
    order_.pop_back();
    entries_.erase(oldest);
    return oldest;
}

bool statement_cache::forget(std::uint64_t hash, std::uint64_t serial) {
    const auto found = entries_.find(hash);
    if (found == entries_.end() || found->second.serial != serial) return false;
    order_.erase(found->second.place);
    entries_.erase(found);
    return true;
}

std::string statement_cache::name_of(std::uint64_t hash) { return fmt::format("b{:016x}", hash); }

}  // namespace bulkhead::postgres
