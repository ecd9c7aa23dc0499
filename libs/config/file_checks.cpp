// SPDX-License-Identifier: Apache-2.0
#include "config/file_checks.hpp"

#include "base/key_pair.hpp"

namespace bulkhead::config {

std::vector<finding> check_files(const settings& values) {
    const bool certificate = !values.tls_cert_file.empty(), key = !values.tls_key_file.empty();
    if (!certificate && !key) return {};
    if (!key) return {{"TLS_KEY_FILE", "needed beside TLS_CERT_FILE: the private key of that certificate"}};
    if (!certificate) return {{"TLS_CERT_FILE", "needed beside TLS_KEY_FILE: the certificate of that key"}};
    auto pair = load_key_pair(values.tls_cert_file, values.tls_key_file, utc_now());
    if (pair) return {};
    return {{pair.error().with_key ? "TLS_KEY_FILE" : "TLS_CERT_FILE", std::move(pair.error().text)}};
}

}  // namespace bulkhead::config
