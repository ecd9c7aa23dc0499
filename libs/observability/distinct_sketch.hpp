// SPDX-License-Identifier: Apache-2.0
// How many different things were seen, in two kilobytes whatever their number: HyperLogLog (Flajolet et al.
// 2007) with the estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017),
// which needs no table of corrections. The standard error is 1.04 / sqrt(2048), 2.3 %. One thread adds; any
// may read at the same time and sees some of what is being added.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bulkhead::metrics {

class distinct_sketch {
public:
    static constexpr unsigned precision = 11;  // bits of a hash that choose the register
    static constexpr std::size_t registers = std::size_t{1} << precision;

    /// `hash`: all 64 bits well mixed.
    void add(std::uint64_t hash) noexcept;
    /// Afterwards it has seen what either had seen.
    void merge(const distinct_sketch& other) noexcept;
    void clear() noexcept;

    [[nodiscard]] double estimate() const noexcept;

private:
    void raise(std::size_t at, std::uint8_t rank) noexcept {
        if (ranks_[at].load(std::memory_order_relaxed) < rank)
            ranks_[at].store(rank, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint8_t>, registers> ranks_{};
};

}  // namespace bulkhead::metrics
