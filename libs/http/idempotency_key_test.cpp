// SPDX-License-Identifier: Apache-2.0
#include "http/idempotency_key.hpp"

#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"

using namespace bulkhead;
using namespace bulkhead::http;

namespace {

struct request {
    std::string text;
    request_head head;

    explicit request(const std::string& lines, const std::string& method = "POST")
        : text(method + " / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n") {
        const limits bounds;
        REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
    }
};

/// "!" for a request that is refused.
std::string key_of(const std::string& value) {
    const request sent("Idempotency-Key: " + value + "\r\n");
    CHECK(has_idempotency_key(sent.head));
    const auto key = read_idempotency_key(sent.head);
    if (!key) CHECK(key.error().code == errc::malformed_request);
    return key.value_or("!");
}

}  // namespace

TEST_CASE("idempotency key: quoted as the draft has it, and bare", "[http]") {
    CHECK(key_of("8e03978e-40d5-43dd-bc93-6894a57f9324") == "8e03978e-40d5-43dd-bc93-6894a57f9324");
    CHECK(key_of("\"8e03978e\"") == "8e03978e");
    CHECK(key_of("\"a b\"") == "a b");
    CHECK(key_of(R"("a\"b\\c")") == R"(a"b\c)");
    CHECK(key_of("a\"b") == "a\"b");
    CHECK(key_of("  x  ") == "x");
    CHECK(key_of(std::string(255, 'k')) == std::string(255, 'k'));
    CHECK(key_of('"' + std::string(255, 'k') + '"') == std::string(255, 'k'));
}

TEST_CASE("idempotency key: anything else is refused", "[http]") {
    for (const std::string value : {"", "\"\"", "\"", "\"a", "\"a\"b", "\"a\"; p=1", "\"a\\x\"", "\"a\\\"",
                                    "a b", "a\tb", "\"a\tb\"", "\xc3\xa4", "\"\xc3\xa4\""})
        CHECK(key_of(value) == "!");
    CHECK(key_of(std::string(256, 'k')) == "!");
    CHECK(key_of('"' + std::string(256, 'k') + '"') == "!");
    const request two("Idempotency-Key: a\r\nidempotency-key: a\r\n");
    CHECK_FALSE(read_idempotency_key(two.head));
}

TEST_CASE("idempotency key: only of writes", "[http]") {
    const std::string line = "idempotency-KEY: a\r\n";
    for (const auto* method : {"POST", "PUT", "PATCH", "DELETE"})
        CHECK(has_idempotency_key(request(line, method).head));
    for (const auto* method : {"GET", "HEAD", "OPTIONS"})
        CHECK_FALSE(has_idempotency_key(request(line, method).head));
    CHECK_FALSE(has_idempotency_key(request("Prefer: x\r\n").head));
}
