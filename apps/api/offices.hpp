// SPDX-License-Identifier: Apache-2.0
// Where the API works on tenants: threads and sessions of their own, apart from requests, and there only when
// the platform has a token. Shared by all reactors; close it before it dies.
#pragma once

#include "auth/platform_context.hpp"
#include "config/settings.hpp"
#include "lifecycle/office.hpp"
#include "observability/metrics.hpp"

namespace bulkhead::api {

class offices {
public:
    /// References must outlive it.
    offices(const config::settings& settings, const postgres::conninfo& control, const sealed_box& box,
            metrics::registry& metrics);

    [[nodiscard]] const auth::platform_token& token() const noexcept { return token_; }
    [[nodiscard]] auth::platform_offices doors() noexcept { return {front_, back_, field_}; }

    /// Recorded work ends after the step it is at. False when some has not by then: the process must end
    /// without destroying anything, and the worker goes on with it.
    bool close(runtime::deadline limit);

private:
    const auth::platform_token token_;
    const migrations::migration_set schema_;
    runtime::blocking_pool front_threads_, back_threads_, field_threads_;
    lifecycle::office front_, back_, field_;
};

}  // namespace bulkhead::api
