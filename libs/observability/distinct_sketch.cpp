// SPDX-License-Identifier: Apache-2.0
#include "observability/distinct_sketch.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace bulkhead::metrics {
namespace {

constexpr unsigned rest_bits = 64 - distinct_sketch::precision;

/// The sums over all powers that Ertl calls sigma and tau; they converge after some dozen steps.
double sigma(double x) {
    if (x == 1) return std::numeric_limits<double>::infinity();
    double weight = 1, sum = x;
    for (double before = -1; before != sum;) {
        x *= x;
        before = sum;
        sum += x * weight;
        weight *= 2;
    }
    return sum;
}

double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double weight = 1, sum = 1 - x;
    for (double before = -1; before != sum;) {
        x = std::sqrt(x);
        before = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    }
    return sum / 3;
}

}  // namespace

void distinct_sketch::add(std::uint64_t hash) noexcept {
    const auto rest = hash << precision;
    const auto rank = rest == 0 ? rest_bits + 1 : static_cast<unsigned>(std::countl_zero(rest)) + 1;
    raise(hash >> rest_bits, static_cast<std::uint8_t>(rank));
}

void distinct_sketch::merge(const distinct_sketch& other) noexcept {
    for (std::size_t i = 0; i < registers; ++i) raise(i, other.ranks_[i].load(std::memory_order_relaxed));
}

void distinct_sketch::clear() noexcept {
    for (auto& each : ranks_) each.store(0, std::memory_order_relaxed);
}

double distinct_sketch::estimate() const noexcept {
    constexpr double all = registers;
    std::array<unsigned, rest_bits + 2> with_rank{};
    for (const auto& each : ranks_) ++with_rank[each.load(std::memory_order_relaxed)];
    double sum = all * tau(1 - with_rank[rest_bits + 1] / all);
    for (unsigned rank = rest_bits; rank >= 1; --rank) sum = (sum + with_rank[rank]) / 2;
    sum += all * sigma(with_rank[0] / all);
    return all * all / (2 * std::numbers::ln2 * sum);
}

}  // namespace bulkhead::metrics
