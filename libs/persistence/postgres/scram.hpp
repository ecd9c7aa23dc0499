// SPDX-License-Identifier: Apache-2.0
// What PostgreSQL stores of a password (RFC 5803), computed here, so that a program chooses how many rounds
// of PBKDF2 a login costs. Rounds slow down who guesses; a random password of 256 bits cannot be guessed, and
// one round spares both sides milliseconds at every connect. Pure but for the random salt; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::postgres {

/// "SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey>", for CREATE or ALTER ROLE ... PASSWORD, with a
/// fresh salt. errc::validation_failed for an empty password or one that is not printable ASCII (which is
/// what SASLprep leaves alone), and for 0 rounds.
result<std::string> scram_verifier(std::string_view password, unsigned rounds);

/// The same with a salt that is known: RFC 7677 has one.
result<std::string> scram_verifier(std::string_view password, unsigned rounds, std::string_view salt);

}  // namespace bulkhead::postgres
