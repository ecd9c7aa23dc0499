// SPDX-License-Identifier: Apache-2.0
#include "tenancy/directory.hpp"

#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"

namespace bulkhead::tenancy {
namespace {

TEST_CASE("tenant of a host: what stands before the base domain", "[tenancy]") {
    REQUIRE(slug_of_host("acme.example.com", "example.com") == "acme");
    REQUIRE(slug_of_host("ACME.Example.com:8000", "example.com") == "acme");
    REQUIRE(slug_of_host("acme.example.com", "Example.COM") == "acme");
    REQUIRE(slug_of_host("acme.example.com.", "example.com") == "acme");
    REQUIRE(slug_of_host("acme.example.com.:443", "example.com") == "acme");
    REQUIRE(slug_of_host("%61cme.example%2Ecom", "example.com") == "acme");
    // Refused later: no slug is like this.
    REQUIRE(slug_of_host("a.b.example.com", "example.com") == "a.b");
    REQUIRE(slug_of_host(".example.com", "example.com") == "");
    REQUIRE(slug_of_host("acme..example.com", "example.com") == "acme.");
    REQUIRE(slug_of_host("xn--mnchen-3ya.example.com", "example.com") == "xn--mnchen-3ya");
    REQUIRE(slug_of_host("m%C3%BCnchen.example.com", "example.com") == "m\xc3\xbcnchen");
    for (auto host : {"example.com", "example.com.", "EXAMPLE.com:80", "acmeexample.com", "acme.example.org",
                      "acme.example.com.evil.org", "", "localhost:8000", "127.0.0.1", "[::1]", "[::1]:8000",
                      "[2001:db8::1]", "acme.example.com.."})
        REQUIRE_FALSE(slug_of_host(host, "example.com"));
    REQUIRE_FALSE(slug_of_host("acme.example.com", ""));
}

/// What a request names under "example.com": a slug, "-" for none, or "mismatch".
std::string named_by(const std::string& target, const std::string& headers) {
    const auto text = "GET " + target + " HTTP/1.1\r\n" + headers + "\r\n";
    const http::limits bounds;
    http::request_reader reader(bounds);
    http::request_head head;
    REQUIRE(reader.read_head(text, head).state == http::progress::complete);
    const auto named = named_tenant(head, "example.com");
    if (!named) {
        REQUIRE(named.error().code == errc::tenant_mismatch);
        return "mismatch";
    }
    return named->value_or("-");
}

TEST_CASE("tenant of a request: header and host, and what disagrees", "[tenancy]") {
    const std::string here = "Host: localhost\r\n", acme = "Host: acme.example.com\r\n";
    const std::string says_acme = "X-Tenant-ID: acme\r\n", says_other = "x-tenant-id: other\r\n";

    CHECK(named_by("/", here) == "-");
    CHECK(named_by("/", "Host: example.com\r\n") == "-");
    CHECK(named_by("/", "Host: [::1]:8000\r\n") == "-");
    CHECK(named_by("/", acme) == "acme");
    CHECK(named_by("/", "Host: ACME.EXAMPLE.COM.:8000\r\n") == "acme");
    CHECK(named_by("/", here + says_acme) == "acme");
    CHECK(named_by("/", acme + says_acme) == "acme");
    CHECK(named_by("/", "Host: a.b.example.com\r\n") == "a.b");

    CHECK(named_by("/", acme + says_other) == "mismatch");
    CHECK(named_by("/", "Host: a.b.example.com\r\nX-Tenant-ID: b\r\n") == "mismatch");
    CHECK(named_by("/", acme + "X-Tenant-ID: Acme\r\n") == "mismatch");  // slugs are lower case
    CHECK(named_by("/", acme + "X-Tenant-ID:\r\n") == "mismatch");

    // Said twice.
    CHECK(named_by("/", here + says_acme + says_acme) == "acme");
    CHECK(named_by("/", here + says_acme + says_other) == "mismatch");
    CHECK(named_by("/", here + says_acme + says_other + says_acme) == "mismatch");
    CHECK(named_by("/", here + "X-Tenant-ID: acme, other\r\n") == "acme, other");  // no slug
    CHECK(named_by("/", here + "X-Tenant-ID:\r\n" + says_acme) == "mismatch");
    CHECK(named_by("/", here + "X-Tenant-ID:\r\n").empty());  // not the default tenant
    CHECK(named_by("/", here + "X-Tenant-ID: Acme\r\n") == "Acme");
    CHECK(named_by("/", here + "X-Tenant: other\r\n") == "-");

    // Absolute targets count, and what the Host line says beside them too.
    CHECK(named_by("http://acme.example.com/", acme) == "acme");
    CHECK(named_by("http://acme.example.com/", here) == "acme");
    CHECK(named_by("http://acme.example.com/", "Host: other.example.com\r\n") == "mismatch");
    CHECK(named_by("http://localhost/", acme) == "acme");
    CHECK(named_by("http://acme.example.com:80", here + says_other) == "mismatch");
}

}  // namespace
}  // namespace bulkhead::tenancy
