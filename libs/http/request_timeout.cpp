// SPDX-License-Identifier: Apache-2.0
#include "http/request_timeout.hpp"

#include <algorithm>
#include <charconv>

namespace bulkhead::http {

result<std::optional<std::chrono::milliseconds>> requested_timeout(const request_head& head) {
    constexpr std::string_view name = "X-Request-Timeout-Ms";
    constexpr std::size_t most_digits = 10;
    const auto first = head.find(name);
    if (!first) return std::nullopt;
    std::uint64_t value = 0;
    const auto [stopped, failed] = std::from_chars(first->data(), first->data() + first->size(), value);
    const bool whole = stopped == first->data() + first->size();
    if (head.count(name) > 1 || failed != std::errc{} || !whole || first->size() > most_digits)
        return fail(errc::malformed_request, "X-Request-Timeout-Ms is not one number of milliseconds");
    return std::chrono::milliseconds{value};
}

result<> limit_time(exchange& x, std::chrono::steady_clock::time_point began) {
    const auto asked = requested_timeout(x.head());
    if (!asked) return std::unexpected(asked.error());
    if (!*asked) return {};
    x.set_deadline(runtime::deadline(std::min(x.deadline().at(), began + **asked)));
    if (x.deadline().passed()) return fail(errc::deadline_exceeded, "X-Request-Timeout-Ms has passed");
    return {};
}

}  // namespace bulkhead::http
