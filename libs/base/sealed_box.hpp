// SPDX-License-Identifier: Apache-2.0
// Encrypts short values for storage beside ordinary data (a tenant's database password). AES-256-GCM with a
// random nonce; a key ring of two allows rotation. Immutable after construction: safe from any thread.
//
//   g1:<key id>:<base64url of nonce (12) | ciphertext | tag (16)>
//   plain:<base64url>      made only by a box without a key, which is for development
//
// The key id is the first 8 characters of base64url(SHA-256("bulkhead data key id" | key)).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace bulkhead {

class sealed_box {
public:
    /// Keys are 32 raw bytes. Without `key` values are only encoded, not protected. Throws
    /// std::invalid_argument for another length, and for a previous key without a current one.
    explicit sealed_box(const std::optional<secret>& key,
                        const std::optional<secret>& previous = std::nullopt);

    /// `context` names the place of the value (say "server/7/password"): it is authenticated but not stored,
    /// so a value moved to another place does not open there. At most 1 MiB, std::invalid_argument above.
    [[nodiscard]] std::string seal(std::string_view plain, std::string_view context) const;

    /// Opens what the current or the previous key sealed for the same context. A "plain:" value opens in any
    /// case, so that giving a deployment its first key does not lock it out; such a value has no protection
    /// and no context, hence whoever may write the column may replace it. errc::internal when it is damaged,
    /// belongs to another context or needs a key this box does not have.
    [[nodiscard]] result<secret> open(std::string_view sealed, std::string_view context) const;

    /// Whether `seal` would use the same key today; false asks for sealing it again. Does not check that it
    /// opens.
    [[nodiscard]] bool current(std::string_view sealed) const;

    /// The ids of the current and the previous key; empty without keys.
    [[nodiscard]] std::vector<std::string> key_ids() const;

    /// What stands before the value: the key's id, "plain", or "" when it is no sealed value.
    [[nodiscard]] static std::string_view key_id_of(std::string_view sealed) noexcept;

private:
    struct entry {
        std::string id;
        secret key;
    };
    std::vector<entry> keys_;  // newest first; empty: development
};

}  // namespace bulkhead
