// SPDX-License-Identifier: Apache-2.0
#include "http/compression_store.hpp"

namespace bulkhead::http {

std::optional<std::string_view> compression_store::find(std::string_view original, coding how) const {
    const std::lock_guard lock(guard_);
    const auto found = made_.find(key_of(original, how));
    if (found == made_.end() || !found->second) return std::nullopt;
    return *found->second;
}

bool compression_store::claim(std::string_view original, coding how) {
    const std::lock_guard lock(guard_);
    return made_.size() < room_ && made_.try_emplace(key_of(original, how)).second;
}

std::string_view compression_store::keep(std::string_view original, coding how, std::string made) {
    const std::lock_guard lock(guard_);
    return made_[key_of(original, how)].emplace(std::move(made));
}

void compression_store::give_up(std::string_view original, coding how) {
    const std::lock_guard lock(guard_);
    made_.erase(key_of(original, how));
}

}  // namespace bulkhead::http
