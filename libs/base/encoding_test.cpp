// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.hpp"

#include <array>
#include <string>

#include "base/random.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::string_literals;

TEST_CASE("hex: both ways", "[base]") {
    CHECK(to_hex("\x00\x0f\xf0\xff"s) == "000ff0ff");
    CHECK(to_hex(""s).empty());
    CHECK(to_hex(std::array{std::byte{0xde}, std::byte{0xad}}) == "dead");
    CHECK(from_hex("00fF") == "\x00\xff"s);
    CHECK(from_hex("") == "");
    for (const auto bad : {"0", "000", "0g", "g0", " 00", "0x", "0 ", "-1", "\xff\xff"}) {
        CAPTURE(bad);
        CHECK_FALSE(from_hex(bad));
    }
    CHECK_FALSE(from_hex("0\0"s));
}

TEST_CASE("base64: the test vectors of RFC 4648 section 10", "[base]") {
    const struct {
        std::string plain, padded, url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+", "-__-"},
        {"\0\0"s, "AAA=", "AAA"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.padded);
        CHECK(to_base64(c.plain) == c.padded);
        CHECK(from_base64(c.padded) == c.plain);
        CHECK(to_base64url(c.plain) == c.url);
        CHECK(from_base64url(c.url) == c.plain);
    }
}

TEST_CASE("base64: only the canonical form is accepted", "[base]") {
    for (const std::string& bad :
         {"Zg"s,     "Zg="s,  "Zg==="s, "Zg====="s,  "="s,    "=="s,    "==="s,   "===="s,
          "Z==="s,   "=Zg="s, "Z=g="s,  "Zg==Zg=="s, "Zh=="s, "Zm9="s,  "Zm 8="s, " Zm8="s,
          "Zm8=\n"s, "Zm8-"s, "Zm8_"s,  "Zm8*"s,     "Z"s,    "Zm9vY"s, "Zm9\0"s, "Zm9\xff"s}) {
        CAPTURE(bad);
        CHECK_FALSE(from_base64(bad));
    }
}

TEST_CASE("base64url: only the canonical form is accepted", "[base]") {
    for (const std::string& bad : {"Z"s, "Zm9vY"s, "Zg=="s, "Zm8="s, "Zh"s, "Zm9"s, "+//+"s, "Zm8\n"s,
                                   " Zm8"s, "Z g"s, "Zg."s, "Zm9\0"s, "\xff\xff"s}) {
        CAPTURE(bad);
        CHECK_FALSE(from_base64url(bad));
    }
}

TEST_CASE("encodings: random bytes of every length come back", "[base]") {
    for (std::size_t size = 0; size < 70; ++size) {
        const auto bytes = random_bytes(size);
        REQUIRE(bytes.size() == size);
        CHECK(from_hex(to_hex(bytes)) == bytes);
        CHECK(from_base64(to_base64(bytes)) == bytes);
        CHECK(from_base64url(to_base64url(bytes)) == bytes);
    }
    CHECK(random_token().size() == 43);
    CHECK(random_token() != random_token());
}

TEST_CASE("base64url: each value has exactly one spelling", "[base]") {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    int accepted = 0;
    for (const char a : alphabet)
        for (const char b : alphabet)
            if (const auto plain = from_base64url(std::string{a, b})) {
                ++accepted;
                CHECK(to_base64url(*plain) == std::string{a, b});
            }
    CHECK(accepted == 256);
}
