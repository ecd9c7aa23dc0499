// SPDX-License-Identifier: Apache-2.0
#include "base/sealed_box.hpp"

#include <set>
#include <stdexcept>
#include <string>

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;

namespace {

secret key_of(char fill) { return secret(std::string(32, fill)); }

std::string opened(const sealed_box& box, std::string_view sealed, std::string_view context) {
    const auto plain = box.open(sealed, context);
    return plain ? std::string(plain->reveal()) : "refused: " + plain.error().detail;
}

}  // namespace

TEST_CASE("sealed_box: what is sealed opens in its own context only", "[base]") {
    const sealed_box box(key_of('a'));
    for (const std::string& plain :
         {std::string(), std::string("p"), std::string("a\0b\xff", 4), std::string(5000, 'x')}) {
        const auto sealed = box.seal(plain, "server/1");
        CHECK(opened(box, sealed, "server/1") == plain);
        CHECK(box.current(sealed));
        CHECK_FALSE(box.open(sealed, "server/2"));
        CHECK_FALSE(box.open(sealed, ""));
    }
    CHECK(opened(box, box.seal("x", ""), "") == "x");
}

TEST_CASE("sealed_box: opens a known answer", "[base]") {
    // Made with the crypto module of Node.js: key 32 times 'k', nonce "nonce-123456", context "ctx".
    const sealed_box box(key_of('k'));
    CHECK(opened(box, "g1:OL3H5NYd:bm9uY2UtMTIzNDU2DAF0-Wt4uaHZB8YJYe1beHFn6DGx2QEM4dVzqkU", "ctx") ==
          "correct horse");
}

TEST_CASE("sealed_box: equal values look different and do not show their text", "[base]") {
    const sealed_box box(key_of('a'));
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto sealed = box.seal("correct horse", "c");
        CHECK(sealed.starts_with("g1:"));
        CHECK(sealed.find(to_base64url("correct horse")) == std::string::npos);
        seen.insert(sealed);
    }
    CHECK(seen.size() == 100);
}

TEST_CASE("sealed_box: every changed, missing or added character is noticed", "[base]") {
    const sealed_box box(key_of('a'));
    const auto sealed = box.seal("secret", "c");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(box.open(changed, "c"));
        CHECK_FALSE(box.open(sealed.substr(0, i), "c"));
        CHECK_FALSE(box.open(sealed.substr(i + 1), "c"));
    }
    CHECK_FALSE(box.open(sealed + "A", "c"));
    CHECK_FALSE(box.open(sealed + "=", "c"));
    CHECK_FALSE(box.open(" " + sealed, "c"));
    for (const std::string_view text : {"", "g1", "g1:", "g1::", "g1:12345678", "g1:12345678:",
                                        "g2:12345678:AAAA", "plain", "plain:=", "plain:A", "plain:a b"})
        CHECK_FALSE(box.open(text, "c"));
    CHECK_FALSE(box.open(std::string(3 * 1024 * 1024, 'A'), "c"));
}

TEST_CASE("sealed_box: the previous key opens but is not current", "[base]") {
    const sealed_box before(key_of('a'));
    const sealed_box during(key_of('b'), key_of('a'));
    const sealed_box after(key_of('b'));
    const auto old = before.seal("v", "c");
    CHECK(opened(during, old, "c") == "v");
    CHECK_FALSE(during.current(old));
    const auto renewed = during.seal("v", "c");
    CHECK(during.current(renewed));
    CHECK(opened(after, renewed, "c") == "v");
    CHECK(opened(after, old, "c") == "refused: a sealed value needs a data key that is not configured");
    CHECK_FALSE(before.open(renewed, "c"));
    CHECK_FALSE(during.open("g1:" + renewed.substr(3, 8) + old.substr(11), "c"));  // the other key's id
}

TEST_CASE("sealed_box: a value tells which key sealed it", "[base]") {
    const sealed_box both(key_of('b'), key_of('a'));
    const auto ids = both.key_ids();
    REQUIRE(ids.size() == 2);
    CHECK(ids[0] != ids[1]);
    CHECK(sealed_box::key_id_of(both.seal("p", "c")) == ids[0]);
    CHECK(sealed_box::key_id_of(sealed_box(key_of('a')).seal("p", "c")) == ids[1]);
    CHECK(sealed_box::key_id_of(sealed_box(std::nullopt).seal("p", "c")) == "plain");
    for (const std::string_view other : {"", "g1:", "g1:short:x", "g1:12345678", "x1:12345678:"})
        CHECK(sealed_box::key_id_of(other).empty());
    CHECK(sealed_box(std::nullopt).key_ids().empty());
}

TEST_CASE("sealed_box: without a key values are readable, and a later key still opens them", "[base]") {
    const sealed_box development{std::nullopt};
    const sealed_box box(key_of('a'));
    const auto plain = development.seal("p\xff", "c");
    CHECK(plain == "plain:cP8");
    CHECK(development.current(plain));
    CHECK(opened(development, plain, "anything") == "p\xff");
    CHECK(opened(box, plain, "c") == "p\xff");
    CHECK_FALSE(box.current(plain));
    CHECK_FALSE(development.open(box.seal("p", "c"), "c"));
    CHECK_FALSE(development.current(box.seal("p", "c")));
}

TEST_CASE("sealed_box: refuses keys of another length", "[base]") {
    for (const std::size_t size : {0u, 16u, 31u, 33u, 44u})
        CHECK_THROWS_AS(sealed_box(secret(std::string(size, 'k'))), std::invalid_argument);
    CHECK_THROWS_AS(sealed_box(key_of('a'), secret("short")), std::invalid_argument);
    CHECK_THROWS_AS(sealed_box(std::nullopt, key_of('a')), std::invalid_argument);
    CHECK_THROWS_AS(sealed_box(key_of('a')).seal(std::string(1024 * 1024 + 1, 'x'), ""),
                    std::invalid_argument);
}
