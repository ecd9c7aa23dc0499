// SPDX-License-Identifier: Apache-2.0
// What happened within one request, as spans: the request itself and what it waited for. Only a request that
// is sampled has a recorder; everybody else passes a null pointer around, which costs next to nothing.
// Belongs to the thread of its request until its spans are taken; work that goes on after that may keep it
// and records nothing more.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "observability/trace.hpp"

namespace bulkhead::trace {

/// Numbered as OTLP numbers them.
enum class span_kind : std::uint8_t { internal = 1, server = 2, client = 3 };

struct attribute {
    std::string_view key;  // static text
    std::variant<std::string, std::int64_t, bool> value;
};

struct span {
    span_id id{};
    span_id parent{};  // zero: none
    span_kind kind = span_kind::internal;
    std::string name{};
    std::uint64_t start = 0;  // ns since 1970
    std::uint64_t end = 0;
    std::vector<attribute> attributes{};
    bool failed = false;

    void set(std::string_view key, std::string value) { attributes.push_back({key, std::move(value)}); }
    void set(std::string_view key, std::int64_t value) { attributes.push_back({key, value}); }
    void set_flag(std::string_view key, bool value) { attributes.push_back({key, value}); }
};

/// The spans of one request, ready to be exported: the request itself is the last one.
struct recorded {
    trace_id trace{};
    std::string state{};  // tracestate
    std::vector<span> spans{};
};

class recorder {
public:
    /// Spans of one request, its own not counted; what comes after that is only counted.
    static constexpr std::size_t most_spans = 64;

    /// `own` is the request's span, begun now; `parent` whoever asked for it, zero when nobody did.
    recorder(const context& own, const span_id& parent, std::string state);

    [[nodiscard]] const span_id& root() const noexcept { return root_.id; }
    /// Now, on a clock that agrees with itself over the request. ns since 1970.
    [[nodiscard]] std::uint64_t now() const noexcept;

    void add(span finished);

    /// Ends the request's span after `describe` has named it, and gives all of them. Once.
    template <class Describe>
    recorded take(Describe describe) {
        describe(root_);
        return finish();
    }

private:
    recorded finish();

    const std::chrono::steady_clock::time_point began_;
    span root_;
    recorded all_;
    std::size_t dropped_ = 0;
    bool taken_ = false;
};

using recorder_ptr = std::shared_ptr<recorder>;

/// How a request begins: its place in its trace, and a recorder if it is sampled.
struct beginning {
    context own{};
    recorder_ptr recording{};
};

/// A wait for somebody else within a request: begins with this object and ends with it. Without a recorder it
/// does nothing.
class client_span {
public:
    explicit client_span(recorder_ptr into);
    client_span(const client_span&) = delete;
    client_span& operator=(const client_span&) = delete;
    ~client_span();

    /// Where to write what is known of it; null: nobody wants to know.
    [[nodiscard]] span* operator->() noexcept { return &*span_; }
    [[nodiscard]] explicit operator bool() const noexcept { return span_.has_value(); }

    /// It did not work: `type` is a short stable word.
    void fail(std::string_view type);

private:
    recorder_ptr into_;
    std::optional<span> span_;
};

}  // namespace bulkhead::trace
