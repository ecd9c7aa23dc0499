// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/scram.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"

namespace bulkhead::postgres {
namespace {

// The example of RFC 7677, section 3: what both sides signed, the client's proof and the server's signature.
constexpr std::string_view auth_message =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_signature = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

std::string bitwise_xor(std::string_view a, std::string_view b) {
    std::string out(a);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(a[i] ^ b[i]);
    return out;
}

TEST_CASE("scram: the verifier accepts the exchange of RFC 7677") {
    const auto salt = from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();
    const auto verifier = scram_verifier("pencil", 4096, salt).value();
    const std::string_view head = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$";
    REQUIRE(verifier.starts_with(head));
    const auto keys = split(std::string_view(verifier).substr(head.size()), ':');
    REQUIRE(keys.size() == 2);
    const auto stored_key = from_base64(keys[0]).value();
    const auto server_key = from_base64(keys[1]).value();

    CHECK(to_base64(hmac_sha256(server_key, auth_message).view()) == server_signature);
    const auto client_key =
        bitwise_xor(from_base64(proof).value(), hmac_sha256(stored_key, auth_message).view());
    CHECK(sha256(client_key).view() == stored_key);
}

TEST_CASE("scram: every verifier has its own salt, and depends on password and rounds") {
    CHECK(scram_verifier("pencil", 1).value() != scram_verifier("pencil", 1).value());
    CHECK(scram_verifier("pencil", 1, "salt").value() == scram_verifier("pencil", 1, "salt").value());
    CHECK(scram_verifier("pencil", 1, "salt").value() != scram_verifier("pencil", 2, "salt").value());
    CHECK(scram_verifier("pencil", 1, "salt").value() != scram_verifier("pencils", 1, "salt").value());
}

TEST_CASE("scram: what SASLprep would change is refused") {
    for (const std::string_view password : {"", "p\xc3\xa4ss", "tab\t", "\x7f"})
        CHECK(scram_verifier(password, 1).error().code == errc::validation_failed);
    CHECK_FALSE(scram_verifier(std::string_view("nul\0", 4), 1));
    CHECK_FALSE(scram_verifier("pencil", 0));
    CHECK_FALSE(scram_verifier("pencil", 0x8000'0000));
    CHECK(scram_verifier(" !~", 1));
}

}  // namespace
}  // namespace bulkhead::postgres
