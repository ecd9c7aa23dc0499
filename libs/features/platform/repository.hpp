// SPDX-License-Identifier: Apache-2.0
// What the control database knows about tenants, read without blocking. Changes are made by lifecycle, in an
// office: see errand.hpp.
#pragma once

#include "auth/platform_context.hpp"
#include "features/platform/model.hpp"

namespace bulkhead::platform {

class repository {
public:
    /// Within the request's deadline.
    explicit repository(const auth::platform_context& by) : db_(by.control()) {}
    /// Within another one, after the client has waited.
    repository(const auth::platform_context& by, runtime::deadline limit) : db_(by.control(limit)) {}

    /// In the order of their slugs. errc::validation_failed for a bad cursor.
    awaitable<result<tenant_page>> list(tenant_query query) const;

    /// errc::tenant_unknown when there is none.
    awaitable<result<tenant>> find(std::string slug) const;
    awaitable<result<tenant>> find(uuid id) const;

    /// errc::not_found when there is none.
    awaitable<result<job>> find_job(uuid id) const;

    /// Newest first. errc::validation_failed for a bad cursor.
    awaitable<result<audit_page>> audit(audit_query query) const;

private:
    postgres::database db_;
};

}  // namespace bulkhead::platform
