// SPDX-License-Identifier: Apache-2.0
#include "config/file_checks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "base/key_pair.hpp"

namespace bulkhead::config {
namespace {

std::vector<finding> check_key_pair(const settings& values) {
    const bool certificate = !values.tls_cert_file.empty(), key = !values.tls_key_file.empty();
    if (!certificate && !key) return {};
    if (!key) return {{"TLS_KEY_FILE", "needed beside TLS_CERT_FILE: the private key of that certificate"}};
    if (!certificate) return {{"TLS_CERT_FILE", "needed beside TLS_KEY_FILE: the certificate of that key"}};
    auto pair = load_key_pair(values.tls_cert_file, values.tls_key_file, utc_now());
    if (pair) return {};
    return {{pair.error().with_key ? "TLS_KEY_FILE" : "TLS_CERT_FILE", std::move(pair.error().text)}};
}

/// It is made at start-up if it is missing, so what counts then is the nearest folder above it.
std::vector<finding> check_storage(const settings& values) {
    if (values.storage_folder.empty()) return {};
    std::error_code failed;
    auto folder = std::filesystem::absolute(values.storage_folder, failed);
    while (!failed && !std::filesystem::exists(folder, failed) && !failed) folder = folder.parent_path();
    const auto path = folder.string();
    if (failed)
        return {{"STORAGE_URL", fmt::format("\"{}\" cannot be looked at: {}", path, failed.message())}};
    if (!std::filesystem::is_directory(folder, failed))
        return {{"STORAGE_URL", fmt::format("\"{}\" is not a folder", path)}};
    if (::access(path.c_str(), W_OK | X_OK) != 0)
        return {{"STORAGE_URL", fmt::format("nothing can be written to \"{}\" by this user", path)}};
    return {};
}

}  // namespace

std::vector<finding> check_files(const settings& values, program running) {
    auto out = check_key_pair(values);
    // The migrator only removes what is there, and does so for a purge alone.
    if (running != program::migrator) std::ranges::move(check_storage(values), std::back_inserter(out));
    return out;
}

}  // namespace bulkhead::config
