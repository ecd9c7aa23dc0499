// SPDX-License-Identifier: Apache-2.0
#include "observability/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace bulkhead::metrics {
namespace {

bool is_metric_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    };
    const auto allowed = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
    return !name.empty() && letter(name.front()) && std::ranges::all_of(name, allowed);
}

/// Backslash and line end, and the quote inside label values.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || (quotes && c == '"')) out += '\\';
        out += c;
    }
}

void append_number(std::string& out, double value) {
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else
        fmt::format_to(std::back_inserter(out), "{}", value);
}

void append_name(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels) {
    out += name;
    out += suffix;
    if (!labels.empty()) {
        out += '{';
        out += labels;
        out += '}';
    }
    out += ' ';
}

}  // namespace

histogram::histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
    const auto wrong = [](double a, double b) { return !(a < b); };
    if (!std::ranges::all_of(bounds_, [](double bound) { return std::isfinite(bound); }) ||
        std::ranges::adjacent_find(bounds_, wrong) != bounds_.end())
        throw std::invalid_argument("histogram bounds must be finite and ascend");
}

void histogram::observe(double value) noexcept {
    if (std::isnan(value)) return;
    const auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> latency_bounds() {
    return {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::string label(std::string_view name, std::string_view value) {
    std::string out(name);
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
    return out;
}

registry::series& registry::find(kind type, std::string_view name, std::string_view help,
                                 std::string_view labels, const std::vector<double>& bounds) {
    if (!is_metric_name(name)) throw std::invalid_argument(fmt::format("\"{}\" is not a metric name", name));
    auto at = families_.find(name);
    if (at == families_.end())
        at = families_.emplace(std::string(name), family{type, std::string(help), bounds, {}}).first;
    if (at->second.type != type || at->second.bounds != bounds)
        throw std::invalid_argument(fmt::format("metric {} is registered with another type or bounds", name));
    return at->second.by_labels[std::string(labels)];
}

counter& registry::add_counter(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(guard_);
    auto& shards = find(kind::counter, name, help, labels);
    shards.counters.push_back(&counters_.emplace_back());
    return counters_.back();
}

gauge& registry::add_gauge(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(guard_);
    auto& shards = find(kind::gauge, name, help, labels);
    shards.gauges.push_back(&gauges_.emplace_back());
    return gauges_.back();
}

histogram& registry::add_histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                                   std::string_view labels) {
    const std::lock_guard lock(guard_);
    auto& shards = find(kind::histogram, name, help, labels, bounds);
    shards.histograms.push_back(&histograms_.emplace_back(std::move(bounds)));
    return histograms_.back();
}

void registry::add_counter_sampler(std::string_view name, std::string_view help, sampler sample,
                                   std::string_view labels) {
    const std::lock_guard lock(guard_);
    find(kind::counter, name, help, labels).samplers.push_back(std::move(sample));
}

void registry::add_gauge_sampler(std::string_view name, std::string_view help, sampler sample,
                                 std::string_view labels) {
    const std::lock_guard lock(guard_);
    find(kind::gauge, name, help, labels).samplers.push_back(std::move(sample));
}

void registry::render_value(std::string& out, std::string_view name, std::string_view labels,
                            const series& shards) {
    append_name(out, name, "", labels);
    std::uint64_t counted = 0;
    for (const auto* shard : shards.counters) counted += shard->value();
    double measured = 0;
    for (const auto* shard : shards.gauges) measured += shard->value();
    for (const auto& sample : shards.samplers) measured += sample();
    if (shards.gauges.empty() && shards.samplers.empty())
        fmt::format_to(std::back_inserter(out), "{}", counted);  // exact above 2^53
    else
        append_number(out, measured + static_cast<double>(counted));
    out += '\n';
}

void registry::render_histogram(std::string& out, std::string_view name, std::string_view labels,
                                const series& shards) {
    const auto& bounds = shards.histograms.front()->bounds();
    const std::string prefix = labels.empty() ? std::string() : std::string(labels) + ',';
    std::uint64_t cumulated = 0;
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        for (const auto* shard : shards.histograms) cumulated += shard->in_bucket(i);
        std::string bound;
        append_number(bound, i < bounds.size() ? bounds[i] : INFINITY);
        append_name(out, name, "_bucket", prefix + label("le", bound));
        fmt::format_to(std::back_inserter(out), "{}\n", cumulated);
    }
    double sum = 0;
    for (const auto* shard : shards.histograms) sum += shard->sum();
    append_name(out, name, "_sum", labels);
    append_number(out, sum);
    out += '\n';
    append_name(out, name, "_count", labels);
    fmt::format_to(std::back_inserter(out), "{}\n", cumulated);
}

std::string registry::render() const {
    constexpr std::string_view type_names[] = {"counter", "gauge", "histogram"};
    const std::lock_guard lock(guard_);
    std::string out;
    for (const auto& [name, one] : families_) {
        out += "# HELP " + name + ' ';
        append_escaped(out, one.help, false);
        out += "\n# TYPE " + name + ' ';
        out += type_names[static_cast<std::size_t>(one.type)];
        out += '\n';
        for (const auto& [labels, shards] : one.by_labels) {
            if (one.type == kind::histogram)
                render_histogram(out, name, labels, shards);
            else
                render_value(out, name, labels, shards);
        }
    }
    return out;
}

}  // namespace bulkhead::metrics
