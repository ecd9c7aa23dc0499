// SPDX-License-Identifier: Apache-2.0
// Answers that are kept in the tenant's database under the Idempotency-Key of what they answer. They are
// sealed, since they may hold what is kept nowhere else (tokens, keys shown once), together with a hash of
// the request, which would give away weak passwords. Plain values and statements; no waiting in here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "base/sealed_box.hpp"
#include "base/uuid.hpp"
#include "http/exchange.hpp"
#include "http/response.hpp"
#include "persistence/postgres/operation.hpp"

namespace bulkhead::tenancy {

/// What one Idempotency-Key names: a request of one user to one route of one tenant.
struct idempotent_request {
    uuid tenant;
    uuid user;  // zero: nobody is signed in
    std::string operation;
    std::string key;
    digest256 fingerprint;  // of method, target and content

    /// errc::malformed_request for a bad key.
    static result<idempotent_request> of(const http::exchange& x, const uuid& tenant, const uuid& user);
};

/// An answer as it is kept. Other headers than is_kept_header names are left out: each answer has its own.
struct kept_answer {
    std::int16_t status;
    std::string sealed;
};

/// One that describes what was made, or signs somebody in.
[[nodiscard]] bool is_kept_header(std::string_view name) noexcept;

/// What is kept of `answer`. Of one that is larger than 512 KiB, or that is not JSON, only that it was given.
[[nodiscard]] kept_answer keep_answer(const idempotent_request& what, const http::response& answer,
                                      const sealed_box& box);

/// The answer again, with Idempotency-Replayed. errc::idempotency_reused when it is that of another request,
/// errc::idempotency_gone when it was not kept or no key of the box opens it.
[[nodiscard]] result<http::response> replay_answer(const idempotent_request& what, const kept_answer& kept,
                                                   const sealed_box& box);

/// Gives one boolean: nobody else works on the request, nor will before the end of the transaction.
[[nodiscard]] postgres::query claim_statement(const idempotent_request& what);
/// Gives status and answer, if there are any. A statement of its own, behind the claim: it sees what others
/// have committed until then.
[[nodiscard]] postgres::query find_statement(const idempotent_request& what);
[[nodiscard]] postgres::query save_statement(const idempotent_request& what, const kept_answer& answer,
                                             std::chrono::milliseconds kept);

}  // namespace bulkhead::tenancy
