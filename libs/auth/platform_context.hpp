// SPDX-License-Identifier: Apache-2.0
// Whoever runs the platform: the context of the handlers that work on tenants from the outside, and the only
// door to control data. Made only from the platform's token; lives as long as its request.
#pragma once

#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "http/endpoint.hpp"
#include "lifecycle/office.hpp"
#include "persistence/postgres/database.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::auth {

/// Knows the platform's token by its hash only. Safe from any thread.
class platform_token {
public:
    explicit platform_token(const secret& token) : hash_(sha256(token.reveal())) {}

    /// errc::unauthenticated unless the request carries it as its one bearer token.
    [[nodiscard]] result<> check(const http::request_head& head) const;

private:
    const digest256 hash_;
};

/// Where work on tenants is done. Apart from each other, so that hours of copying never keep a suspension
/// waiting, and a server that does not answer nobody at all.
struct platform_offices {
    lifecycle::office& front;  // what takes a second at most, and the making of tenants
    lifecycle::office& back;   // what may take hours
    lifecycle::office& field;  // looks at one tenant's database
};

class platform_context;

/// Service of the platform's handlers; one per reactor. References must outlive it.
class platform_gate {
public:
    platform_gate(const platform_token& token, tenancy::registry& control, platform_offices offices)
        : token_(token), control_(control), offices_(offices) {}

private:
    friend class platform_context;
    friend struct http::context<platform_context>;

    const platform_token& token_;
    tenancy::registry& control_;
    const platform_offices offices_;
};

class platform_context {
public:
    [[nodiscard]] http::exchange& request() const noexcept { return *request_; }

    /// The control database, to read from; within the request's deadline, or within another one after a wait
    /// that the client asked for.
    [[nodiscard]] postgres::database control() const { return control(request_->deadline()); }
    [[nodiscard]] postgres::database control(runtime::deadline limit) const {
        return gate_->control_.control(tenancy::control_passage(), limit);
    }
    [[nodiscard]] const platform_offices& offices() const noexcept { return gate_->offices_; }

private:
    friend struct http::context<platform_context>;
    platform_context(platform_gate& gate, http::exchange& request) : gate_(&gate), request_(&request) {}

    platform_gate* gate_;
    http::exchange* request_;
};

}  // namespace bulkhead::auth

template <>
struct bulkhead::http::context<bulkhead::auth::platform_context> {
    static constexpr access required = access::platform;
    static awaitable<result<auth::platform_context>> make(exchange& x);
    static void document(operation& op);
};
