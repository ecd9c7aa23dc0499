// SPDX-License-Identifier: Apache-2.0
#include "http/admission_gate.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace bulkhead::http {
namespace {

constexpr int bearable = 5;  // a wait in line, in times of what the work may take

}  // namespace

admission_gate::visitor::~visitor() {
    if (gate_) gate_->take_out(*this);
}

admission_gate::admission_gate(const gate_settings& settings) : settings_(settings), limit_(settings.limit) {}

/// Frames that a stopped reactor never resumed may outlive the gate. Those that wait are held by what would
/// have told them, which lies in them: they end here.
admission_gate::~admission_gate() {
    std::vector<decltype(visitor::told)> untold;
    const auto forget = [&](visitor* who) {
        who->gate_ = nullptr;
        who->place_ = visitor::place::outside;
        if (who->told) untold.push_back(std::move(who->told));
    };
    waiting_.clear_and_dispose(forget);
    inside_.clear_and_dispose(forget);
    aside_.clear_and_dispose(forget);
}

bool admission_gate::full(std::size_t bytes) const noexcept {
    if (inside_.size() < limit_.value()) return false;
    return waiting_.size() >= settings_.most_waiting || bytes_ + bytes > settings_.most_bytes;
}

admission_gate::arrival admission_gate::arrive(visitor& who, std::size_t bytes, clock::time_point until,
                                               clock::time_point now) {
    if (until <= now) return arrival::late;
    if (full(bytes)) return arrival::full;
    who.gate_ = this;
    if (inside_.size() < limit_.value()) {
        admit(who, now);
        return arrival::admitted;
    }
    if (waiting_.empty()) calm_ = now;
    waiting_.push_back(who);
    who.place_ = visitor::place::waiting;
    who.bytes_ = bytes;
    who.since_ = now;
    who.until_ = until;
    bytes_ += bytes;
    return arrival::waits;
}

void admission_gate::leave(visitor& who, clock::time_point now, bool telling) {
    note_crowd(now);
    if (telling && who.in_service()) limit_.observe(now - who.since_, inside_.size(), who.since_ > crowded_);
    ++served_;
    take_out(who);
    hand_over(now);
    refuse_oldest(now);
}

void admission_gate::tick(clock::time_point now, bool lagging) {
    limit_.update(now, lagging);
    set_aside(now);
    watch_pace(now);
    hand_over(now);
    refuse_oldest(now);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        auto& who = *it++;
        if (who.until_ <= now) refuse(who, admission_verdict::late);
    }
}

bool admission_gate::congested(clock::time_point now) const noexcept {
    return !waiting_.empty() && now - calm_ > settings_.interval;
}

/// Work that takes its time is waited for in proportion.
admission_gate::clock::duration admission_gate::patience() const noexcept {
    constexpr int many = 20;
    return std::clamp<clock::duration>(limit_.target() * many, settings_.patience, settings_.most_patience);
}

void admission_gate::admit(visitor& who, clock::time_point now) {
    who.since_ = now;
    who.place_ = visitor::place::inside;
    inside_.push_back(who);
    note_crowd(now);
}

void admission_gate::note_crowd(clock::time_point now) noexcept {
    if (inside_.size() > settings_.limit.least) crowded_ = now;
}

void admission_gate::take_out(visitor& who) {
    switch (std::exchange(who.place_, visitor::place::outside)) {
        case visitor::place::outside: break;
        case visitor::place::waiting:
            bytes_ -= who.bytes_;
            waiting_.erase(visitor_list::s_iterator_to(who));
            break;
        case visitor::place::inside: inside_.erase(visitor_list::s_iterator_to(who)); break;
        case visitor::place::aside: aside_.erase(visitor_list::s_iterator_to(who)); break;
    }
    who.gate_ = nullptr;
}

void admission_gate::hand_over(clock::time_point now) {
    while (inside_.size() < limit_.value() && !waiting_.empty()) {
        const bool newest_first = congested(now);
        auto& next = newest_first ? waiting_.back() : waiting_.front();
        const auto waited = now - next.since_;
        if (newest_first && waited > limit_.target()) return;
        if (next.until_ <= now) {
            refuse(next, admission_verdict::late);
            continue;
        }
        if (!newest_first && waited <= limit_.target() * bearable) calm_ = now;
        take_out(next);
        next.gate_ = this;
        admit(next, now);
        std::exchange(next.told, {})(admission_verdict::admitted);
    }
}

void admission_gate::refuse(visitor& who, admission_verdict why) {
    take_out(who);
    std::exchange(who.told, {})(why);
}

void admission_gate::refuse_oldest(clock::time_point now) {
    while (!waiting_.empty() && now - waiting_.front().since_ >= patience())
        refuse(waiting_.front(), admission_verdict::waited);
}

/// When the newest come first nobody sees how long the line is in time; its length and our pace tell.
/// Otherwise a line that was long once would be served in that order for as long as some of it is there.
void admission_gate::watch_pace(clock::time_point now) {
    if (now <= paced_) return;
    const std::chrono::duration<double> passed = now - paced_;
    const std::chrono::duration<double> memory = settings_.interval;
    const auto weight = std::min(1.0, passed / memory);
    pace_ += (static_cast<double>(std::exchange(served_, 0)) / passed.count() - pace_) * weight;
    paced_ = now;
    const std::chrono::duration<double> wait{static_cast<double>(waiting_.size()) / std::max(pace_, 1e-3)};
    constexpr double clearly = 0.75;
    if (wait <= limit_.target() * bearable * clearly) calm_ = now;
}

/// What hangs must not keep others out; what it costs is memory, which has a bound.
void admission_gate::set_aside(clock::time_point now) {
    while (!inside_.empty() && aside_.size() < settings_.most_slow) {
        auto& oldest = inside_.front();
        if (now - oldest.since_ < settings_.slow) return;
        inside_.pop_front();
        aside_.push_back(oldest);
        oldest.place_ = visitor::place::aside;
    }
}

}  // namespace bulkhead::http
