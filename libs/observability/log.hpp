// SPDX-License-Identifier: Apache-2.0
// The log: one line per event, JSON or plain, written by a background thread so that nobody who logs ever
// waits for a disk or a terminal. Every function may be called from any thread, at any time: before start()
// and after stop() warnings and errors go straight to stderr, the rest is dropped. A field name should not be
// one of "time", "level", "message".
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/secret.hpp"

namespace bulkhead::log {

enum class level : std::uint8_t { trace, debug, info, warn, error, off };

/// "trace" ... "off"; nullopt for anything else.
[[nodiscard]] std::optional<level> parse_level(std::string_view name) noexcept;
[[nodiscard]] std::string_view level_name(level value) noexcept;

struct options {
    level threshold = level::info;
    bool json = true;
    std::string file{};                       // empty: none; errors go to "<file>.error" as well
    std::size_t file_max_bytes = 10'000'000;  // of one file, before it is rotated
    unsigned files = 5;                       // kept of each, the current one included
};

/// Begins to write to stdout, and to the file if there is one. A file that cannot be written costs one
/// warning line and is tried again every minute. Called again, it replaces what was started before.
void start(const options& wanted);

/// Writes what is queued (for about a second at most when nobody reads stdout) and ends the thread.
void stop();

/// Takes effect at once, for every thread.
void set_level(level threshold) noexcept;
[[nodiscard]] level current_level() noexcept;
[[nodiscard]] bool enabled(level severity) noexcept;

/// Lines given up since the program began: the queue was full, or stdout did not take them.
[[nodiscard]] std::uint64_t dropped() noexcept;

/// One named value of a line. Keeps views: it must not outlive the call that it is built for.
struct field {
    using value_type =
        std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool, const secret*>;

    std::string_view key;
    value_type value;

    field(std::string_view name, std::string_view text) : key(name), value(text) {}
    field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
    field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
    field(std::string_view name, const secret& hidden) : key(name), value(&hidden) {}
    field(std::string_view name, bool flag) : key(name), value(flag) {}
    template <std::signed_integral T>
    field(std::string_view name, T number) : key(name), value(static_cast<std::int64_t>(number)) {}
    template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>) field(std::string_view name, T number)
        : key(name), value(static_cast<std::uint64_t>(number)) {}
    template <std::floating_point T>
    field(std::string_view name, T number) : key(name), value(static_cast<double>(number)) {}
};

using fields = std::initializer_list<field>;

/// Writes lines that carry the fields bound to it. A default-constructed one is the root: nothing bound.
class logger {
public:
    logger() = default;

    /// A copy that adds `bound` to every line; the value is copied.
    [[nodiscard]] logger with(const field& bound) const&;
    [[nodiscard]] logger with(const field& bound) &&;

    void debug(std::string_view message, fields more = {}) const;
    void info(std::string_view message, fields more = {}) const;
    void warn(std::string_view message, fields more = {}) const;
    void error(std::string_view message, fields more = {}) const;
    void write(level severity, std::string_view message, fields more = {}) const;

    [[nodiscard]] bool enabled(level severity) const noexcept { return log::enabled(severity); }

private:
    std::string bound_;  // ,"name":value for each field, as it stands in a JSON line
};

/// The same on the root logger.
void debug(std::string_view message, fields more = {});
void info(std::string_view message, fields more = {});
void warn(std::string_view message, fields more = {});
void error(std::string_view message, fields more = {});

}  // namespace bulkhead::log
