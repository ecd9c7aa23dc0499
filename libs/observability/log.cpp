// SPDX-License-Identifier: Apache-2.0
#include "observability/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "observability/backend.hpp"
#include "observability/line.hpp"
#include "observability/line_writer.hpp"

namespace bulkhead::log {
namespace {

constexpr std::array<std::string_view, 6> names{"trace", "debug", "info", "warn", "error", "off"};
constexpr auto idle_threshold = level::warn;  // of what goes to stderr while nothing is started

struct state {
    std::atomic<level> threshold{idle_threshold};
    std::atomic<bool> json{false};
    std::atomic<std::uint64_t> dropped_before{0};
    std::shared_mutex guard;  // of `active`: shared to use it, exclusive to replace it
    std::unique_ptr<backend> active;
};

state& shared() {
    static auto* const forever = new state;  // never destroyed: destructors of other statics may still log
    return *forever;
}

/// Puts `next` in place; what was there before drains outside the lock, so that nobody who logs waits for it.
void replace(std::unique_ptr<backend> next) {
    auto& all = shared();
    {
        const std::unique_lock lock(all.guard);
        std::swap(all.active, next);
    }
    if (next) all.dropped_before.fetch_add(next->close(), std::memory_order_relaxed);
}

void emit(level severity, std::string_view message, std::string_view bound, fields more) {
    if (!enabled(severity)) return;
    auto& all = shared();
    std::string line;
    line.reserve(384);
    const bool json = all.json.load(std::memory_order_relaxed);
    (json ? append_json_line : append_pretty_line)(line, utc_now(), severity, message, bound, more);
    const std::shared_lock lock(all.guard);
    if (all.active)
        all.active->post(severity, line);
    else
        write_to_stderr(std::move(line));
}

}  // namespace

std::optional<level> parse_level(std::string_view name) noexcept {
    const auto* const at = std::ranges::find(names, name);
    if (at == names.end()) return std::nullopt;
    return static_cast<level>(at - names.begin());
}

std::string_view level_name(level value) noexcept { return names[static_cast<std::size_t>(value)]; }

void start(const options& wanted) {
    auto& all = shared();
    replace(nullptr);
    all.json.store(wanted.json, std::memory_order_relaxed);
    set_level(wanted.threshold);
    replace(std::make_unique<backend>(wanted));
}

void stop() {
    set_level(idle_threshold);
    replace(nullptr);
}

void set_level(level threshold) noexcept { shared().threshold.store(threshold, std::memory_order_relaxed); }

level current_level() noexcept { return shared().threshold.load(std::memory_order_relaxed); }

bool enabled(level severity) noexcept { return severity >= current_level() && severity != level::off; }

std::uint64_t dropped() noexcept {
    auto& all = shared();
    const std::shared_lock lock(all.guard);
    return all.dropped_before.load(std::memory_order_relaxed) + (all.active ? all.active->dropped() : 0);
}

logger logger::with(const field& bound) const& { return logger(*this).with(bound); }

logger logger::with(const field& bound) && {
    append_field(bound_, bound);
    return std::move(*this);
}

void logger::debug(std::string_view message, fields more) const { emit(level::debug, message, bound_, more); }
void logger::info(std::string_view message, fields more) const { emit(level::info, message, bound_, more); }
void logger::warn(std::string_view message, fields more) const { emit(level::warn, message, bound_, more); }
void logger::error(std::string_view message, fields more) const { emit(level::error, message, bound_, more); }
void logger::write(level severity, std::string_view message, fields more) const {
    emit(severity, message, bound_, more);
}

void debug(std::string_view message, fields more) { emit(level::debug, message, {}, more); }
void info(std::string_view message, fields more) { emit(level::info, message, {}, more); }
void warn(std::string_view message, fields more) { emit(level::warn, message, {}, more); }
void error(std::string_view message, fields more) { emit(level::error, message, {}, more); }

}  // namespace bulkhead::log
