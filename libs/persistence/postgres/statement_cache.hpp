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
        bool known;            // prepared already
        std::uint64_t serial;  // of this preparation: a statement can be prepared again after a failure
    };
    /// Notes that `hash` is about to be used, and prepared if it is not known.
    use touch(std::uint64_t hash);

    /// While there are more than the limit: removes the longest unused, which is to be deallocated. Apart
    /// from touch, so that the statements of one transaction cannot displace each other before they are used.
    std::optional<std::uint64_t> evict();

    /// The preparation `serial` failed or has become useless. False when it is not the current one of `hash`:
    /// answers come late, and another may have been sent meanwhile.
    bool forget(std::uint64_t hash, std::uint64_t serial);

    /// The server-side name of a statement.
    static std::string name_of(std::uint64_t hash);

private:
    struct entry {
        std::list<std::uint64_t>::iterator place;
        std::uint64_t serial;
    };

    std::size_t limit_;
    std::uint64_t last_serial_ = 0;
    std::list<std::uint64_t> order_;  // most recently used first
    std::unordered_map<std::uint64_t, entry> entries_;
};

}  // namespace bulkhead::postgres
