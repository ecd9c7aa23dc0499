// SPDX-License-Identifier: Apache-2.0
// What was started is stopped in reverse order, each step once and named in the log. Used by the main thread
// only.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bulkhead::runtime {

class shutdown_stack {
public:
    shutdown_stack() = default;
    ~shutdown_stack() { unwind(); }
    shutdown_stack(const shutdown_stack&) = delete;
    shutdown_stack& operator=(const shutdown_stack&) = delete;

    void push(std::string name, std::function<void()> stop);

    /// Runs the steps, last pushed first. A step that throws is logged and does not keep the others from
    /// running.
    void unwind() noexcept;

private:
    struct step {
        std::string name;
        std::function<void()> stop;
    };
    std::vector<step> steps_;
};

}  // namespace bulkhead::runtime
