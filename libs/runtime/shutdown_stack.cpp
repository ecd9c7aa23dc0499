// SPDX-License-Identifier: Apache-2.0
#include "runtime/shutdown_stack.hpp"

#include <exception>

#include "observability/log.hpp"

namespace bulkhead::runtime {

void shutdown_stack::push(std::string name, std::function<void()> stop) {
    steps_.push_back({std::move(name), std::move(stop)});
}

void shutdown_stack::unwind() noexcept {
    while (!steps_.empty()) {
        const auto last = std::move(steps_.back());
        steps_.pop_back();
        log::debug("stopping", {{"part", last.name}});
        try {
            last.stop();
        } catch (const std::exception& e) {
            log::error("a part did not stop cleanly",
                       {{"part", last.name}, {"reason", std::string_view(e.what())}});
        }
    }
}

}  // namespace bulkhead::runtime
