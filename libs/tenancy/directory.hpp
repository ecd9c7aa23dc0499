// SPDX-License-Identifier: Apache-2.0
// Decides which tenant a request belongs to: what its token says once it is verified, before that
// X-Tenant-ID, the host under the base domain, or the default tenant. Two statements that disagree are an
// error, never a choice. Belongs to one reactor.
#pragma once

#include <optional>
#include <string>

#include "tenancy/registry.hpp"
#include "tenancy/tenant_context.hpp"
#include "tenancy/usage.hpp"

namespace bulkhead::tenancy {

struct resolution_settings {
    std::string default_tenant;  // slug; empty: none
    std::string base_domain;     // "example.com": acme.example.com is acme; empty: hosts say nothing
};

class directory {
public:
    directory(registry& tenants, usage_quotas& quotas, resolution_settings settings)
        : registry_(tenants), quotas_(quotas), settings_(std::move(settings)) {}

    /// For requests without a verified token.
    awaitable<result<tenant_context>> enter(http::exchange& x);

    /// The tenant that a token names, to verify the token with its key. Grants nothing.
    awaitable<registry::found> find(http::exchange& x, uuid id);
    /// For a request with a verified token of `user` of the tenant `found`.
    awaitable<result<tenant_context>> enter(http::exchange& x, std::shared_ptr<const known_tenant> found,
                                            uuid user);

private:
    awaitable<result<tenant_context>> admit(std::shared_ptr<const known_tenant> found, http::exchange& x,
                                            std::optional<uuid> user);

    registry& registry_;
    usage_quotas& quotas_;
    const resolution_settings settings_;
};

/// The slug that headers and host name, which need not be one of a tenant, nor look like one; nullopt when
/// they name none. errc::tenant_mismatch when they disagree.
[[nodiscard]] result<std::optional<std::string>> named_tenant(const http::request_head& head,
                                                              std::string_view base_domain);

/// The slug in a host: "acme" for "acme.example.com:8000" under "example.com". nullopt for any other host.
[[nodiscard]] std::optional<std::string> slug_of_host(std::string_view host, std::string_view base_domain);

}  // namespace bulkhead::tenancy
