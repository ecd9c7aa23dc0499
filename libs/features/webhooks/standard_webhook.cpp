// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/standard_webhook.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/text.hpp"

namespace bulkhead::webhooks {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::string_view version = "v1,";
constexpr std::size_t least_key = 24, new_key = 32, most_key = 64;

bool is_id(std::string_view text) {
    constexpr std::size_t longest = 128;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    };
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, fits);
}

std::string signed_content(std::string_view id, std::string_view timestamp, std::string_view body) {
    std::string out;
    out.reserve(id.size() + timestamp.size() + body.size() + 2);
    return out.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
}

}  // namespace

webhook_secret webhook_secret::generate() { return webhook_secret(secret(random_bytes(new_key))); }

std::optional<webhook_secret> webhook_secret::parse(std::string_view text) {
    if (!text.starts_with(secret_prefix)) return std::nullopt;
    auto bytes = from_base64(text.substr(secret_prefix.size()));
    if (!bytes) return std::nullopt;
    secret key(*std::move(bytes));
    if (key.size() < least_key || key.size() > most_key) return std::nullopt;
    return webhook_secret(std::move(key));
}

secret webhook_secret::text() const { return secret(std::string(secret_prefix) + to_base64(key_.reveal())); }

std::vector<std::pair<std::string, std::string>> webhook_headers(std::span<const webhook_secret> secrets,
                                                                 const webhook_message& message) {
    if (!is_id(message.id)) throw std::invalid_argument("a webhook's id has letters, digits, '-' and '_'");
    if (secrets.empty()) throw std::invalid_argument("a webhook needs a secret");
    const auto timestamp = fmt::to_string(message.sent.time_since_epoch().count());
    const auto content = signed_content(message.id, timestamp, message.body);
    std::string signatures;
    for (const auto& each : secrets) {
        if (!signatures.empty()) signatures += ' ';
        signatures.append(version).append(to_base64(hmac_sha256(each.key().reveal(), content).view()));
    }
    return {{"webhook-id", std::string(message.id)},
            {"webhook-timestamp", timestamp},
            {"webhook-signature", std::move(signatures)}};
}

}  // namespace bulkhead::webhooks
