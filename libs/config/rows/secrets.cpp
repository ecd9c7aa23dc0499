// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

#include <charconv>
#include <cmath>

#include "base/time.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

/// JWT_EXPIRATION_HOURS of other stacks: a number, perhaps with a fraction.
parsed<std::string> hours_to_duration(std::string_view text) {
    constexpr double most = 24.0 * 365;
    double hours = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), hours);
    if (ec != std::errc{} || end != text.data() + text.size() || !(hours > 0 && hours <= most))
        return std::unexpected(fmt::format("\"{:.80}\" is not a number of hours", text));
    return format_duration(std::chrono::milliseconds(std::llround(hours * hour)));
}

constexpr std::string_view random_secret = "set at least 32 random bytes, e.g. openssl rand -base64 32";

}  // namespace

// clang-format off
std::vector<row> secret_rows() { return {
    {.name = "JWT_SECRET", .aliases = {{"JWT_SECRET_KEY"}, {"SECRET_KEY"}, {"BETTER_AUTH_SECRET"}},
     .programs = api,
     .type = "at least 32 bytes", .hint = random_secret, .show = shown::secret,
     .parse = into(&settings::jwt_secret, parse_secret<32>),
     .help = "Signs access tokens. openssl rand -base64 32"},
    {.name = "JWT_SECRET_PREVIOUS", .programs = api, .type = "text", .show = shown::secret,
     .parse = into(&settings::jwt_secret_previous, parse_secret<0>),
     .help = "The secret before a rotation: still verifies, never signs."},
    {.name = "JWT_ACCESS_TTL", .aliases = {{"JWT_EXPIRATION_HOURS", hours_to_duration}}, .programs = api,
     .type = "time from 1s to 30d", .fallback = "15m",
     .parse = into(&settings::jwt_access_ttl, parse_time<second, 30 * day>),
     .help = "How long an access token is valid. JWT_EXPIRATION_HOURS is a number of hours."},
    {.name = "JWT_ISSUER", .programs = api, .type = "text", .fallback = "bulkhead",
     .parse = into(&settings::jwt_issuer, parse_text), .help = "Claim iss: set, and demanded."},
    {.name = "JWT_AUDIENCE", .programs = api, .type = "text", .fallback = "bulkhead-api",
     .parse = into(&settings::jwt_audience, parse_text), .help = "Claim aud: set, and demanded."},
    {.name = "PASSWORD_HASH", .programs = api | migrator, .type = "bcrypt:4 to bcrypt:15",
     .fallback = "bcrypt:12",
     .parse = into(&settings::bcrypt_cost, parse_password_hash),
     .help = "How new passwords are stored; a login rehashes what differs. Production: bcrypt:10 or above."},
    {.name = "PASSWORD_PEPPER", .programs = api | migrator, .type = "text", .show = shown::secret,
     .parse = into(&settings::password_pepper, parse_secret<0>),
     .help = "Mixed into every password hash. Losing or changing it locks everybody out."},
    {.name = "PLATFORM_ADMIN_TOKEN", .programs = api, .type = "at least 32 bytes", .show = shown::secret,
     .parse = into(&settings::platform_admin_token, parse_secret<32>),
     .help = "Opens /api/platform, which is off without it. openssl rand -base64 32"},
    {.name = "DATA_KEY", .programs = everyone, .type = "32 bytes in base64", .show = shown::secret,
     .parse = into(&settings::data_key, parse_key),
     .help = "Seals the credentials of tenants. Required in production. openssl rand -base64 32"},
    {.name = "DATA_KEY_PREVIOUS", .programs = everyone, .type = "32 bytes in base64", .show = shown::secret,
     .parse = into(&settings::data_key_previous, parse_key),
     .help = "The key before a rotation: still opens, never seals."},
}; }
// clang-format on

}  // namespace bulkhead::config
