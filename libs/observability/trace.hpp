// SPDX-License-Identifier: Apache-2.0
// Where something stands in a distributed trace: the identifiers of W3C Trace Context Level 2, read from what
// a client sends and made for requests that bring none. Pure functions but for the random generator, which
// belongs to the thread; safe from any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::trace {

using trace_id = std::array<std::uint8_t, 16>;  // all zero: none
using span_id = std::array<std::uint8_t, 8>;    // all zero: none

/// One span of a trace.
struct context {
    trace_id trace{};
    span_id span{};
    bool sampled = false;  // whoever came before us records it
    bool random = false;   // the last seven bytes of the trace's id are random (Level 2, section 3.2.2.5.2)

    /// False: nobody has begun a trace.
    [[nodiscard]] bool known() const noexcept { return trace != trace_id{}; }
};

/// Lower case hex of an identifier, without an allocation.
template <std::size_t Bytes>
class hex_text {
public:
    explicit hex_text(const std::array<std::uint8_t, Bytes>& id) noexcept {
        constexpr std::string_view digits = "0123456789abcdef";
        for (std::size_t i = 0; i < Bytes; ++i) {
            text_[2 * i] = digits[id[i] >> 4];
            text_[2 * i + 1] = digits[id[i] & 15];
        }
    }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), text_.size()}; }

private:
    std::array<char, 2 * Bytes> text_;
};

/// The value of a traceparent line (section 3.2). A version above 00 is read by the rules of 00 as far as
/// they go; nullopt for version ff, for upper case hex, for identifiers of zeros and for all else that is
/// not one.
[[nodiscard]] std::optional<context> parse_traceparent(std::string_view value) noexcept;

/// A tracestate (section 3.3) as it may be passed on; several lines are joined with commas before. Empty when
/// it is malformed or longer than 512 bytes: then it is as if none had come.
[[nodiscard]] std::string clean_tracestate(std::string_view joined);

[[nodiscard]] trace_id random_trace_id();
[[nodiscard]] span_id random_span_id();

/// Which traces that begin here are recorded.
class sampler {
public:
    /// `ratio` from 0 to 1.
    explicit sampler(double ratio) noexcept;

    /// By the random part of the id, so that all who go by it with the same ratio agree.
    [[nodiscard]] bool chooses(const trace_id& id) const noexcept;

private:
    std::uint64_t threshold_;  // of 2^56
};

}  // namespace bulkhead::trace
