// SPDX-License-Identifier: Apache-2.0
// Which statements one session has prepared: bounded, the longest unused goes first. No I/O.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace bulkhead::postgres {

class statement_cache {
  public:
    explicit statement_cache(std::size_t limit) : limit_(limit) {}

    struct use {
        bool known;                            // prepared already
        std::optional<std::uint64_t> evicted;  // to be deallocated to make room
    };
    /// Notes that `hash` is about to be used, and prepared if it is not known.
    use touch(std::uint64_t hash);

    /// Preparing failed.
    void forget(std::uint64_t hash);

    /// The server-side name of a statement.
    static std::string name_of(std::uint64_t hash);

  private:
    std::size_t limit_;
    std::list<std::uint64_t> order_;  // most recently used first
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> entries_;
};

}  // namespace bulkhead::postgres
