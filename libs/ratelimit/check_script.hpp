// SPDX-License-Identifier: Apache-2.0
// The scripts that count in Redis, for many requests in one call. Constants.
#pragma once

#include "persistence/redis/script.hpp"

namespace bulkhead::ratelimit {

/// sliding_window for many requests, by the clock of Redis. KEYS: the subjects of all requests. ARGV: the
/// windows of each, policy::script_argument, with "&" in front when it belongs to the same request as the
/// subject before; and after that "=17=" when 17 requests have passed already and are only to be counted.
/// Gives four numbers for each request, as in `standing`: wait; subject * most_windows + window; left; reset.
const redis::script& check_script();
inline constexpr std::size_t numbers_of_check = 4;
inline constexpr std::string_view same_request = "&";

/// What is stored in a key: five little-endian doubles for each window.
inline constexpr std::size_t stored_size = 5 * sizeof(double);

}  // namespace bulkhead::ratelimit
