// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.hpp"

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;

namespace {

std::string raw(std::string_view hex) { return from_hex(hex).value(); }

struct hmac_case {
    std::string key;
    std::string data;
    std::string_view sha256;
    std::string_view sha384;
};

// RFC 4231 sections 4.2 to 4.4, 4.7 and 4.8.
const std::vector<hmac_case> hmac_cases{
    {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"},
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
    {std::string(20, '\xaa'), std::string(50, '\xdd'),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
     "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27"},
    {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"},
};

}  // namespace

TEST_CASE("SHA-256 of pieces is that of the whole", "[base]") {
    const std::string text(100'000, 'x');
    for (const std::size_t piece : {1U, 63U, 64U, 65U, 4096U, 100'000U}) {
        sha256_stream stream;
        for (std::size_t at = 0; at < text.size(); at += piece)
            stream.add(std::string_view(text).substr(at, piece));
        CHECK(stream.finish().view() == sha256(text).view());
    }
    CHECK(sha256_stream().finish().view() == sha256("").view());
}

TEST_CASE("crypto: sha256 gives the FIPS 180-4 answers", "[base]") {
    CHECK(to_hex(sha256("").view()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(sha256(std::string_view{}).view()) == to_hex(sha256("").view()));
    CHECK(to_hex(sha256("abc").view()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(to_hex(sha256(std::string(1000000, 'a')).view()) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK(sha256("abc").to_string() ==
          raw("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST_CASE("crypto: hmac gives the RFC 4231 answers, with a key used once or kept", "[base]") {
    for (const auto& test : hmac_cases) {
        CHECK(to_hex(hmac_sha256(test.key, test.data).view()) == test.sha256);
        CHECK(to_hex(hmac_sha384(test.key, test.data).view()) == test.sha384);
        const hmac_sha256_key key(test.key);
        CHECK(to_hex(key.sign(test.data).view()) == test.sha256);
        CHECK(to_hex(key.sign(test.data).view()) == test.sha256);  // signing leaves the key untouched
        CHECK(key.verify(test.data, raw(test.sha256)));
        CHECK_FALSE(key.verify(test.data + "x", raw(test.sha256)));
        CHECK_FALSE(key.verify(test.data, raw(test.sha256).substr(1)));
        CHECK_FALSE(key.verify(test.data, ""));
    }
}

TEST_CASE("crypto: hmac takes an empty key and an empty message", "[base]") {
    constexpr auto expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    CHECK(to_hex(hmac_sha256("", "").view()) == expected);
    CHECK(to_hex(hmac_sha256({}, {}).view()) == expected);
    CHECK(to_hex(hmac_sha256_key(std::string_view{}).sign({}).view()) == expected);
}

TEST_CASE("crypto: hmac signs the example of RFC 7515 appendix A.1", "[base]") {
    const auto key = from_base64url(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    REQUIRE(key);
    constexpr auto signing_input =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l"
        "eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    CHECK(to_base64url(hmac_sha256(*key, signing_input).view()) ==
          "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST_CASE("crypto: hkdf gives the RFC 5869 answers", "[base]") {
    const std::string ikm(22, '\x0b');
    CHECK(
        to_hex(
            hkdf_sha256(ikm, raw("000102030405060708090a0b0c"), raw("f0f1f2f3f4f5f6f7f8f9"), 42).reveal()) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    std::string counting;
    for (int i = 0; i < 256; ++i) counting += static_cast<char>(i);
    CHECK(to_hex(hkdf_sha256(counting.substr(0, 0x50), counting.substr(0x60, 0x50), counting.substr(0xb0), 82)
                     .reveal()) ==
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da"
          "3275600c"
          "2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    CHECK(to_hex(hkdf_sha256(ikm, "", "", 42).reveal()) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    CHECK(hkdf_sha256(ikm, {}, {}, 42).reveal() == hkdf_sha256(ikm, std::string(32, '\0'), "", 42).reveal());
}

TEST_CASE("crypto: hkdf refuses an empty secret and impossible lengths", "[base]") {
    CHECK_THROWS_AS(hkdf_sha256("", "salt", "info", 32), std::invalid_argument);
    CHECK_THROWS_AS(hkdf_sha256("key", "salt", "info", 0), std::invalid_argument);
    CHECK_THROWS_AS(hkdf_sha256("key", "salt", "info", 255 * 32 + 1), std::invalid_argument);
    CHECK(hkdf_sha256("key", "salt", "info", 255 * 32).size() == 255 * 32);
}

TEST_CASE("crypto: one key serves several threads at once", "[base]") {
    const hmac_sha256_key key("shared");
    const auto expected = hmac_sha256("shared", "message").to_string();
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (auto& count : wrong)
            threads.emplace_back([&key, &expected, &count] {
                for (int i = 0; i < 2000; ++i)
                    if (!key.verify("message", expected)) ++count;
            });
    }
    CHECK(wrong == std::vector<int>(4, 0));
}
