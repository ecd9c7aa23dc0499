// SPDX-License-Identifier: Apache-2.0
// Requests that pass before Redis has counted them: those of somebody who was far from every limit a moment
// ago. They are counted right afterwards, many as one. A reactor lets a small part of what is left pass like
// that, so that all reactors of all processes together cannot go over it, and limits stay exact. Small limits
// have no credit. Belongs to one reactor.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ratelimit/policy.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::ratelimit {

class credit {
public:
    using time = steady_clock::time_point;

    /// As many reactors may share a Redis; each gets this part of what is left.
    static constexpr std::int64_t part = 256;
    /// Below this there is none: what headers tell of such limits is exact too, whichever reactor answers.
    static constexpr std::int64_t least_left = 10'000;
    /// How long what Redis said is believed.
    static constexpr milliseconds fresh{50};
    /// Somebody beyond these is not remembered.
    static constexpr std::size_t most_known = 1024;

    /// What Redis says of a request.
    void learn(const subjects& of, const standing& at, time now);

    /// Lets a request pass and owes it to Redis. nullopt: ask first.
    [[nodiscard]] std::optional<standing> spend(const subjects& of, time now);

    [[nodiscard]] bool owes() const noexcept { return !owing_.empty(); }

    /// Requests that have passed and are to be counted for the same subjects.
    struct debt {
        std::string name;  // for `settle` and `forget`
        std::vector<std::string> keys;
        std::vector<std::string> rules;  // policy::script_argument of each
        std::int64_t count = 0;
    };
    /// The next one, on its way to Redis from now on; only while owes().
    [[nodiscard]] debt take();
    /// It was counted.
    void settle(const std::string& name, const standing& at, time now);
    /// It was not, and will not be.
    void forget(const std::string& name);

private:
    struct account {
        std::vector<std::string> keys;
        std::vector<std::string> rules;
        standing at{};
        time heard{};
        std::int64_t unsent = 0;
        std::int64_t sent = 0;
    };
    [[nodiscard]] static bool is_of(const account& known, const subjects& of);
    [[nodiscard]] bool make_room(time now);

    std::unordered_map<std::string, account> known_;  // by the first key
    std::deque<std::string> owing_;                   // names of those with something unsent
    time looked_for_room_{};
};

}  // namespace bulkhead::ratelimit
