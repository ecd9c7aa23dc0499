// SPDX-License-Identifier: Apache-2.0
// The certificate of PORT while the program runs: read at start, and again when its files were replaced. Main
// thread only; what it hands out is safe from any.
#pragma once

#include <memory>

#include "config/settings.hpp"
#include "http/tls.hpp"
#include "observability/metrics.hpp"

namespace bulkhead::api {

class certificate {
public:
    /// Throws std::runtime_error with a sentence for the operator.
    certificate(const config::settings& from, metrics::registry& counts);

    /// Null: the API speaks plain HTTP.
    [[nodiscard]] const std::shared_ptr<const http::tls_context>& current() const noexcept {
        return current_;
    }

    /// Reads the files again. False: there are none, or they are wrong, which is logged, and what was good
    /// before stays.
    bool renew();

private:
    std::expected<void, std::string> read();

    const std::string certificate_file_, key_file_;
    metrics::gauge* not_after_ = nullptr;
    std::shared_ptr<const http::tls_context> current_;
};

}  // namespace bulkhead::api
