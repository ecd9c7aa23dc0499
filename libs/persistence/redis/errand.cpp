// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/errand.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

namespace bulkhead::redis {
namespace {

constexpr std::string_view asking = "*1\r\n$6\r\nASKING\r\n";

/// What concerns all that is left, out of what concerns single commands: to follow for good goes before to
/// follow once, and that before to wait. A command that is sent to the wrong place by it is told so there.
redis_errand::next stronger(redis_errand::next a, redis_errand::next b) {
    const auto strength = [](redis_errand::next what) {
        switch (what) {
            case redis_errand::next::moved: return 3;
            case redis_errand::next::ask: return 2;
            case redis_errand::next::wait: return 1;
            case redis_errand::next::done: break;
        }
        return 0;
    };
    return strength(b) > strength(a) ? b : a;
}

}  // namespace

redis_errand::redis_errand(std::vector<std::string> commands, bool as_one)
    : commands_(std::move(commands)), replies_(commands_.size()), left_(commands_.size()), as_one_(as_one) {
    std::iota(left_.begin(), left_.end(), std::size_t{0});
}

std::string redis_errand::bytes() const {
    std::string out;
    std::size_t size = 0;
    for (const auto i : left_) size += commands_[i].size() + (asking_ ? asking.size() : 0);
    out.reserve(size);
    for (const auto i : left_) {
        if (asking_) out += asking;  // is good for one command
        out += commands_[i];
    }
    return out;
}

redis_errand::next redis_errand::judge(const redis_reply& reply, const redis_address& from) {
    const auto* refusal = reply.error();
    if (!refusal) return next::done;
    switch (refusal->kind) {
        case redis_error_kind::moved:
        case redis_error_kind::ask: break;
        case redis_error_kind::tryagain:
        case redis_error_kind::clusterdown: return next::wait;
        default: return next::done;
    }
    auto where = read_redirection(refusal->message, from);
    if (!where) return next::wait;
    const bool for_good = refusal->kind == redis_error_kind::moved;
    // ASKING would be queued by MULTI: a transaction waits until the slot has arrived.
    if (!for_good && as_one_) return next::wait;
    where_ = *std::move(where);
    return for_good ? next::moved : next::ask;
}

redis_errand::next redis_errand::take(std::vector<redis_reply> replies, const redis_address& from) {
    const std::size_t stride = asking_ ? 2 : 1;
    std::vector<std::size_t> still;
    redirection best;
    auto verdict = next::done;
    for (std::size_t i = 0; i < left_.size(); ++i) {
        auto& reply = replies[i * stride + stride - 1];
        const auto said = judge(reply, from);
        if (said == next::done) {
            replies_[left_[i]] = std::move(reply);
            continue;
        }
        still.push_back(left_[i]);
        if (stronger(verdict, said) != verdict) {
            verdict = said;
            best = where_;
        }
    }
    where_ = std::move(best);
    if (!as_one_ || verdict == next::done) left_ = std::move(still);
    asking_ = verdict == next::ask;
    return verdict;
}

}  // namespace bulkhead::redis
