// SPDX-License-Identifier: Apache-2.0
#include "observability/trace_recorder.hpp"

#include <utility>

namespace bulkhead::trace {
namespace {

std::uint64_t wall_clock() {
    using std::chrono::nanoseconds;
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<nanoseconds>(since).count());
}

}  // namespace

recorder::recorder(const context& own, const span_id& parent, std::string state)
    : began_(std::chrono::steady_clock::now()),
      root_{.id = own.span, .parent = parent, .kind = span_kind::server, .start = wall_clock()},
      all_{.trace = own.trace, .state = std::move(state)} {}

std::uint64_t recorder::now() const noexcept {
    return root_.start + static_cast<std::uint64_t>((std::chrono::steady_clock::now() - began_).count());
}

void recorder::add(span finished) {
    if (taken_) return;
    if (all_.spans.size() >= most_spans)
        ++dropped_;
    else
        all_.spans.push_back(std::move(finished));
}

recorded recorder::finish() {
    taken_ = true;
    root_.end = now();
    if (dropped_ > 0) root_.set("bulkhead.dropped_spans", static_cast<std::int64_t>(dropped_));
    all_.spans.push_back(std::move(root_));
    return std::move(all_);
}

client_span::client_span(recorder_ptr into) : into_(std::move(into)) {
    if (!into_) return;
    span_.emplace();
    span_->id = random_span_id();
    span_->parent = into_->root();
    span_->kind = span_kind::client;
    span_->start = into_->now();
}

client_span::~client_span() {
    if (!span_) return;
    span_->end = into_->now();
    into_->add(*std::move(span_));
}

void client_span::fail(std::string_view type) {
    if (!span_) return;
    span_->failed = true;
    span_->set("error.type", std::string(type));
}

}  // namespace bulkhead::trace
