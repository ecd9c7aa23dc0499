// SPDX-License-Identifier: Apache-2.0
// The only door to a tenant's data. Repositories take one, and only the directory makes one, for a tenant
// that the request named and that may be used: code that forgets the tenant does not compile. Lives as long
// as its request.
#pragma once

#include <memory>
#include <string>

#include "http/endpoint.hpp"
#include "persistence/postgres/database.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

class directory;
class idempotency;

class tenant_context {
public:
    [[nodiscard]] const tenant& info() const noexcept { return *tenant_; }
    [[nodiscard]] const postgres::database& db() const noexcept { return db_; }
    [[nodiscard]] http::exchange& request() const noexcept { return *request_; }

private:
    friend class directory;
    friend class idempotency;
    tenant_context(std::shared_ptr<const tenant> of, postgres::database db, http::exchange& request)
        : tenant_(std::move(of)), db_(std::move(db)), request_(&request) {}

    std::shared_ptr<const tenant> tenant_;
    postgres::database db_;
    http::exchange* request_;
};

}  // namespace bulkhead::tenancy

template <>
struct bulkhead::http::context<bulkhead::tenancy::tenant_context> {
    static constexpr access required = access::tenant;
    static awaitable<result<tenancy::tenant_context>> make(exchange& x);
    static void document(operation& op);
    /// A write with an Idempotency-Key takes effect once: see tenancy/idempotency.hpp.
    static awaitable<response> enclose(exchange& x, tenancy::tenant_context& made,
                                       served_by<tenancy::tenant_context> handler);
};
