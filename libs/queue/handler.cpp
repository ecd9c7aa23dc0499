// SPDX-License-Identifier: Apache-2.0
#include "queue/handler.hpp"

#include <stdexcept>

namespace bulkhead::queue {

void handlers::add(known_handler one) {
    std::string name(one.rules.name);
    if (!check_kind_name(name)) throw std::logic_error("not a name for a kind of jobs: " + name);
    if (!by_name_.emplace(name, std::move(one)).second)
        throw std::logic_error("two handlers of the kind " + name);
}

const known_handler* handlers::find(std::string_view kind) const {
    const auto it = by_name_.find(kind);
    return it == by_name_.end() ? nullptr : &it->second;
}

}  // namespace bulkhead::queue
