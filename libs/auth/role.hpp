// SPDX-License-Identifier: Apache-2.0
// What a user may do in a tenant. Each name is the same in JSON, in tokens and in the users' column `role`.
// Values, safe anywhere.
#pragma once

#include <boost/describe/enum.hpp>

namespace bulkhead::auth {

enum class role { owner, admin, member, viewer };
BOOST_DESCRIBE_ENUM(role, owner, admin, member, viewer)

/// Owners and administrators.
constexpr bool administers(role of) noexcept { return of == role::owner || of == role::admin; }

}  // namespace bulkhead::auth
