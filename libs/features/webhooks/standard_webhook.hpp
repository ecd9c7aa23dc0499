// SPDX-License-Identifier: Apache-2.0
// Signatures of webhooks by the Standard Webhooks specification 1.0.0 (standardwebhooks.com), symmetric: the
// receiver knows the secret and finds out that a message is ours, whole and recent. A message that is sent
// again keeps its id and gets a new timestamp. Plain values, safe from any thread.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"

namespace bulkhead::webhooks {

/// The key of one endpoint: 24 to 64 bytes.
class webhook_secret {
public:
    /// 32 new random bytes.
    [[nodiscard]] static webhook_secret generate();
    /// "whsec_" and base64 of 24 to 64 bytes; nullopt for anything else.
    [[nodiscard]] static std::optional<webhook_secret> parse(std::string_view text);

    /// As parse() reads it: shown to the customer, stored sealed.
    [[nodiscard]] secret text() const;
    /// The raw bytes.
    [[nodiscard]] const secret& key() const noexcept { return key_; }

private:
    explicit webhook_secret(secret key) : key_(std::move(key)) {}
    secret key_;
};

/// What is signed. The views outlive the call.
struct webhook_message {
    std::string_view id;            // the same for every attempt; letters, digits, '-' and '_' (no '.')
    std::chrono::sys_seconds sent;  // when this attempt is made
    std::string_view body;          // byte for byte as it is sent
};

/// webhook-id, webhook-timestamp and webhook-signature, ready to send. One signature for each of `secrets`
/// (at least one): while a secret is rotated, the new and the old one. Throws std::invalid_argument for an id
/// with other characters, which could make two messages sign alike.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> webhook_headers(
    std::span<const webhook_secret> secrets, const webhook_message& message);

}  // namespace bulkhead::webhooks
