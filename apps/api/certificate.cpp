// SPDX-License-Identifier: Apache-2.0
#include "certificate.hpp"

#include <stdexcept>

#include "observability/log.hpp"

namespace bulkhead::api {

certificate::certificate(const config::settings& from, metrics::registry& counts)
    : certificate_file_(from.tls_cert_file), key_file_(from.tls_key_file) {
    if (certificate_file_.empty()) return;
    not_after_ = &counts.add_gauge("bulkhead_tls_certificate_expires_seconds",
                                   "When the certificate in use ends, as Unix time");
    if (const auto done = read(); !done) throw std::runtime_error(done.error());
}

std::expected<void, std::string> certificate::read() {
    auto made = http::tls_context::load(certificate_file_, key_file_);
    if (!made) return std::unexpected(std::move(made.error()));
    current_ = std::move(*made);
    const auto end = current_->not_after();
    not_after_->set(std::chrono::duration<double>(end.time_since_epoch()).count());
    log::info("certificate read", {{"file", certificate_file_}, {"valid_until", to_rfc3339(end)}});
    return {};
}

bool certificate::renew() {
    if (certificate_file_.empty()) return false;
    const auto done = read();
    if (!done) log::error("reload: kept the old certificate", {{"problem", done.error()}});
    return done.has_value();
}

}  // namespace bulkhead::api
