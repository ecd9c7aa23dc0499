// SPDX-License-Identifier: Apache-2.0
// From a request to its answer, without any I/O on its connection. The stages stand in the order in which
// they apply; each is a policy with a file of its own. One per server, on its reactor.
#pragma once

#include <optional>

#include "http/admission.hpp"
#include "http/compression.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/request_limiter.hpp"
#include "http/router.hpp"
#include "http/tracing.hpp"

namespace bulkhead::http {

/// What a server applies to its requests; null: nothing of the kind. All outlive the server.
struct policies {
    const cors_policy* cors = nullptr;
    request_limiter* limiter = nullptr;
    compression* compressor = nullptr;
    const request_tracing* tracing = nullptr;
    admission* gates = nullptr;
    bool verbose = false;  // clients are told what a handler threw
};

class dispatcher {
public:
    dispatcher(const router& routes, const policies& applied) : routes_(routes), policies_(applied) {}

    /// The row for a request, noted in it as its place in a trace is.
    [[nodiscard]] router::match find(exchange& x) const;

    /// An answer for which the body does not matter: the request is refused before anything is done for it.
    awaitable<std::optional<response>> before_body(exchange& x, const router::match& route) const;

    /// The answer to a request that is complete.
    awaitable<response> serve(exchange& x, const router::match& route) const;

    /// Compresses the answer to `serve`, if it may be and is worth it. What it returns needs a wait:
    /// `encode_elsewhere` does it; identity: there is nothing to do.
    [[nodiscard]] coding encode(const exchange& x, response& answer) const {
        return policies_.compressor ? policies_.compressor->encode(x, answer) : coding::identity;
    }
    awaitable<void> encode_elsewhere(coding how, response& answer) const {
        return policies_.compressor->encode_elsewhere(how, answer);
    }

    /// What is said when no row serves the request.
    [[nodiscard]] static response unrouted(const exchange& x, const router::match& route);

    /// The last touch, whoever answered.
    void finish(exchange& x, response& answer) const;

private:
    awaitable<response> handle(exchange& x, const router::match& route) const;

    const router& routes_;
    const policies policies_;
};

}  // namespace bulkhead::http
