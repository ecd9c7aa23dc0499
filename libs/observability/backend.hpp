// SPDX-License-Identifier: Apache-2.0
// The background half of the log: a bounded queue, one thread, stdout and rotated files. spdlog does the
// queue and the rotation and is seen in backend.cpp only. post() and dropped() are safe from any thread,
// until close().
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "observability/log.hpp"

namespace bulkhead::log {

class backend {
public:
    /// Lines that wait; when more come, the oldest go.
    static constexpr std::size_t queue_lines = 8192;

    explicit backend(const options& wanted);
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    ~backend();  // closes

    /// Queues a complete line without its line end. Never waits for the thread.
    void post(level severity, std::string_view line);

    /// Lines given up so far.
    [[nodiscard]] std::uint64_t dropped() const;

    /// Writes what is queued, joins the thread and returns the final dropped(). Nothing may be called after
    /// it.
    std::uint64_t close();

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace bulkhead::log
