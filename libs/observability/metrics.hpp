// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms, and the registry that prints them in Prometheus' text format 0.0.4.
// A metric may be updated from any thread without a lock and lives as long as its registry. Registering the
// same name and labels again gives another shard of the same series: shards are added up when they are
// printed, so that each reactor can count into its own cache line.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::metrics {

inline constexpr std::size_t cache_line = 64;

/// Only grows.
class alignas(cache_line) counter {
public:
    void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down.
class alignas(cache_line) gauge {
public:
    void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(double difference) noexcept { value_.fetch_add(difference, std::memory_order_relaxed); }
    [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

/// Counts observations by size: bucket i holds those <= bounds[i], one more bucket the rest.
class alignas(cache_line) histogram {
public:
    /// `bounds` ascend strictly and are finite.
    explicit histogram(std::vector<double> bounds);

    /// NaN is ignored.
    void observe(double value) noexcept;

    [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
    [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const noexcept {
        return counts_[index].load(std::memory_order_relaxed);
    }
    [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

private:
    std::vector<double> bounds_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
    std::atomic<double> sum_{0};
};

/// Bounds in seconds that suit requests and queries: 0.25 ms to 10 s.
[[nodiscard]] std::vector<double> latency_bounds();

/// One label pair, escaped; join several with commas: method="GET",route="/api/tasks".
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

/// Sampled when printed, under the registry's lock: quick, no exceptions, no call back into the registry.
/// What it refers to must outlive the last render().
using sampler = std::function<double()>;

class registry {
public:
    registry() = default;
    registry(const registry&) = delete;
    registry& operator=(const registry&) = delete;

    /// `labels` comes from label(); empty: none. The first help text of a name counts. Throws
    /// std::invalid_argument for a name Prometheus refuses and for a name that already has another type or
    /// bounds.
    counter& add_counter(std::string_view name, std::string_view help, std::string_view labels = {});
    gauge& add_gauge(std::string_view name, std::string_view help, std::string_view labels = {});
    histogram& add_histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                             std::string_view labels = {});
    void add_counter_sampler(std::string_view name, std::string_view help, sampler sample,
                             std::string_view labels = {});
    void add_gauge_sampler(std::string_view name, std::string_view help, sampler sample,
                           std::string_view labels = {});

    /// Content-Type "text/plain; version=0.0.4". Families in order of their names.
    [[nodiscard]] std::string render() const;

private:
    enum class kind { counter, gauge, histogram };
    struct series {  // the shards of one label set
        std::vector<const counter*> counters;
        std::vector<const gauge*> gauges;
        std::vector<sampler> samplers;
        std::vector<const histogram*> histograms;
    };
    struct family {
        kind type;
        std::string help;
        std::vector<double> bounds;
        std::map<std::string, series, std::less<>> by_labels;
    };

    series& find(kind type, std::string_view name, std::string_view help, std::string_view labels,
                 const std::vector<double>& bounds = {});
    static void render_value(std::string& out, std::string_view name, std::string_view labels,
                             const series& shards);
    static void render_histogram(std::string& out, std::string_view name, std::string_view labels,
                                 const series& shards);

    mutable std::mutex guard_;
    std::map<std::string, family, std::less<>> families_;
    std::deque<counter> counters_;  // deques: their elements never move
    std::deque<gauge> gauges_;
    std::deque<histogram> histograms_;
};

}  // namespace bulkhead::metrics
