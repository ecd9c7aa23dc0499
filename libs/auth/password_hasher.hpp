// SPDX-License-Identifier: Apache-2.0
// Password hashes: bcrypt through libxcrypt, stored as "$2b$<cost>$<salt><digest>" (60 characters). Safe from
// any thread. BLOCKING: one hash takes about 0.25 s at cost 12, so call it
// in a bounded pool, never in a reactor.
//
// bcrypt reads 72 bytes at most and stops at NUL. With a pepper, and for passwords that bcrypt would cut, it
// gets base64(HMAC-SHA-384(pepper or a fixed text, password)), 64 characters, instead; other passwords go in
// as they are, so that $2a$, $2b$ and $2y$ hashes made by other systems verify.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace bulkhead::auth {

class password_hasher {
public:
    static constexpr unsigned min_cost = 4;
    static constexpr unsigned max_cost = 16;  // about 4 s; a stored hash above it is not tried

    /// `cost` is the base 2 logarithm of the rounds. Throws std::invalid_argument outside min_cost..max_cost.
    explicit password_hasher(unsigned cost, secret pepper = {});

    /// A new hash with a new salt. Throws std::runtime_error when the library fails.
    [[nodiscard]] std::string hash(const secret& password) const;

    struct verdict {
        bool matches = false;
        bool outdated = false;     // matches, but `hash` would do it differently now: store a new one
        std::uint64_t rounds = 0;  // of bcrypt: the work that it took
    };

    /// Checks against a bcrypt hash of this or another system. Anything else ("*0", an empty text, other
    /// schemes) never matches. Outdated: another cost, another prefix than $2b$, or made without the pepper.
    ///
    /// A mismatch takes the work of one hash of the configured cost, of two with a pepper (a hash made before
    /// the pepper must still be found), whatever `stored` is: a cheaper stored hash is topped up, so that
    /// imported users do not differ from unknown ones. From the first stored hash of a higher cost on, which
    /// is one of before the cost was lowered, every mismatch takes the work of that.
    [[nodiscard]] verdict verify(const secret& password, std::string_view stored) const;

    /// Matches nothing. Verify against it when there is no such user, so that this takes as long as a wrong
    /// password. Valid as long as this object.
    [[nodiscard]] std::string_view dummy_hash() const noexcept { return dummy_; }

private:
    [[nodiscard]] std::vector<secret> inputs(const secret& password) const;

    const unsigned cost_;
    mutable std::atomic<unsigned> dearest_;  // the highest cost that a stored hash has had, at least cost_
    const secret pepper_;
    std::string dummy_;
};

}  // namespace bulkhead::auth
