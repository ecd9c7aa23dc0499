// SPDX-License-Identifier: Apache-2.0
// How many requests a kind of client may make in which times, and what is counted against that. Plain values,
// made at start-up or for one request.
#pragma once

#include <boost/container/static_vector.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::ratelimit {

using std::chrono::milliseconds;

/// At most `count` requests in any time of this length.
struct window {
    std::int64_t count = 0;
    std::chrono::seconds length{0};
};

inline constexpr std::size_t most_windows = 4;

class policy {
public:
    /// `name` is static text, fit for a header and a key: "default". No windows: nothing is limited.
    /// Throws std::invalid_argument for more than most_windows.
    policy(std::string_view name, std::vector<window> windows);

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    [[nodiscard]] const std::vector<window>& windows() const noexcept { return windows_; }
    [[nodiscard]] bool limits() const noexcept { return !windows_.empty(); }

    /// What a window is called in headers: the policy's name, with the window's length from the second on.
    [[nodiscard]] std::string_view name_of(std::size_t index) const noexcept { return names_[index]; }
    /// The value of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11 section 3).
    [[nodiscard]] const std::string& header() const noexcept { return header_; }
    /// The windows as the script reads them: count and milliseconds of each.
    [[nodiscard]] const std::string& script_argument() const noexcept { return argument_; }

private:
    std::string_view name_;
    std::vector<window> windows_;
    std::vector<std::string> names_;
    std::string header_;
    std::string argument_;
};

/// Whose requests are counted, by which policy.
struct subject {
    const policy* rule;  // with windows; outlives the check
    std::string key;     // in Redis; begins with "bh:"
};

/// All that one request counts for; it passes when each lets it pass, and is counted for none otherwise.
using subjects = boost::container::static_vector<subject, 2>;

/// The key of a subject: "bh:{rate}:<policy>:<who>".
[[nodiscard]] std::string key_of(const policy& rule, std::string_view who);

/// Where a request stands: with the window that is nearest to exhaustion, or that makes it wait longest.
struct standing {
    milliseconds wait{0};     // 0: it has been counted; else: until one would be
    std::size_t subject = 0;  // whose window is meant
    std::size_t window = 0;
    std::int64_t left = 0;  // requests that may follow now
    milliseconds reset{0};  // no more than these until then

    [[nodiscard]] bool passes() const noexcept { return wait == milliseconds::zero(); }
};

}  // namespace bulkhead::ratelimit
