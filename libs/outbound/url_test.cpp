// SPDX-License-Identifier: Apache-2.0
#include "outbound/url.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::outbound;

namespace {

struct good {
    std::string given, text;
};

struct bad {
    std::string given, code;
};

}  // namespace

TEST_CASE("url: what is understood, and how it is called", "[outbound]") {
    const std::vector<good> cases{
        {"https://example.com", "https://example.com:443/"},
        {"HTTPS://EXAMPLE.com/Path", "https://example.com:443/Path"},
        {"https://example.com:8443/a?b=c&d", "https://example.com:8443/a?b=c&d"},
        {"https://example.com?q=1", "https://example.com:443/?q=1"},
        {"https://example.com:80/", "https://example.com:80/"},
        {"https://example.com:1024/", "https://example.com:1024/"},
        {"https://example.com:65535/", "https://example.com:65535/"},
        {"https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443/"},
        {"https://a-b.c1.example/", "https://a-b.c1.example:443/"},
        {"https://hooks/", "https://hooks:443/"},
        {"https://1.example/", "https://1.example:443/"},
        {"https://0x7f.example/", "https://0x7f.example:443/"},
        {"https://192.0.2.1/", "https://192.0.2.1:443/"},
        {"https://[2001:DB8::1]/", "https://[2001:db8::1]:443/"},
        {"https://[::ffff:127.0.0.1]:8080/", "https://[::ffff:127.0.0.1]:8080/"},
        {"https://example.com/a/../b/./c//d", "https://example.com:443/a/../b/./c//d"},
        {"https://example.com/%41%2f", "https://example.com:443/%41%2f"},
        {"https://example.com/@user:pass", "https://example.com:443/@user:pass"},
        {"https://example.com/?u=http://a@b", "https://example.com:443/?u=http://a@b"},
    };
    for (const auto& [given, text] : cases) {
        CAPTURE(given);
        const auto parsed = parse_url(given, false);
        REQUIRE(parsed);
        CHECK(parsed->text() == text);
        CHECK(parsed->encrypted);
        const auto again = parse_url(parsed->text(), false);
        REQUIRE(again);
        CHECK(again->text() == text);
    }
    CHECK(parse_url("http://example.com/", true)->text() == "http://example.com:80/");
}

TEST_CASE("url: what is refused", "[outbound]") {
    const std::vector<bad> cases{
        {"", "invalid_url"},
        {"example.com", "invalid_url"},
        {"//example.com/", "invalid_url"},
        {"https:/example.com", "invalid_url"},
        {"https:example.com", "invalid_url"},
        {"http://example.com/", "url_scheme"},
        {"ftp://example.com/", "url_scheme"},
        {"file:///etc/passwd", "url_scheme"},
        {"gopher://example.com/", "url_scheme"},
        {"httpss://example.com/", "url_scheme"},
        {"://example.com/", "url_scheme"},
        {" https://example.com/", "invalid_url"},
        {"https://example.com/ ", "invalid_url"},
        {"https://exa\tmple.com/", "invalid_url"},
        {"https://example.com/\r\nHost: internal", "invalid_url"},
        {std::string("https://example.com/\0", 21), "invalid_url"},
        {"https://example.com\\@internal/", "invalid_url"},
        {"https:\\\\example.com", "invalid_url"},
        {"https://example.com/\"<>", "invalid_url"},
        {"https://example.com/%4", "invalid_url"},
        {"https://example.com/%zz", "invalid_url"},
        {"https://example.com/[a]", "invalid_url"},
        {"https://b\xc3\xbc"
         "cher.example/",
         "invalid_url"},
        {"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "invalid_url"},  // full-width digits
        {"https://127\xe3\x80\x82"
         "0.0.1/",
         "invalid_url"},  // an ideographic full stop
        {"https://example.com/#top", "invalid_url"},
        {"https://example.com#@internal/", "invalid_url"},
        {"https://user@example.com/", "url_user"},
        {"https://user:pass@example.com/", "url_user"},
        {"https://@example.com/", "url_user"},
        {"https://a@b@c/", "url_user"},
        {"https:///path", "url_host"},
        {"https://", "url_host"},
        {"https://:443/", "url_host"},
        {"https://example..com/", "url_host"},
        {"https://example.com./", "url_host"},
        {"https://.example.com/", "url_host"},
        {"https://-a.example/", "url_host"},
        {"https://a-.example/", "url_host"},
        {"https://a_b.example/", "url_host"},
        {"https://a%2eb.example/", "url_host"},
        {"https://exa*mple.com/", "url_host"},
        {"https://127.0.0.1%2f@example.com/", "url_user"},
        {"https://[::1/", "url_host"},
        {"https://[::1]x/", "url_host"},
        {"https://[fe80::1%25eth0]/", "url_host"},
        {"https://[fe80::1%eth0]/", "invalid_url"},
        {"https://[127.0.0.1]/", "url_host"},
        {"https://[]/", "url_host"},
        {"https://::1/", "url_host"},
        {"https://example.com:/", "url_port"},
        {"https://example.com:0/", "url_port"},
        {"https://example.com:22/", "url_port"},
        {"https://example.com:25/", "url_port"},
        {"https://example.com:1023/", "url_port"},
        {"https://example.com:0443/", "url_port"},
        {"https://example.com:65536/", "url_port"},
        {"https://example.com:+443/", "url_port"},
        {"https://example.com:443:80/", "url_port"},
        {"https://example.com:abc/", "url_port"},
        // What inet_aton takes for 127.0.0.1, and some others like it.
        {"https://127.1/", "url_host"},
        {"https://127.0.1/", "url_host"},
        {"https://2130706433/", "url_host"},
        {"https://0x7f000001/", "url_host"},
        {"https://0x7f.0.0.1/", "url_host"},
        {"https://0x7f.0x0.0x0.0x1/", "url_host"},
        {"https://0X7F.0.0.0X1/", "url_host"},
        {"https://0177.0.0.1/", "url_host"},
        {"https://017700000001/", "url_host"},
        {"https://127.0.0.01/", "url_host"},
        {"https://127.0.0.0x1/", "url_host"},
        {"https://127.0.0.256/", "url_host"},
        {"https://127.0.0.1.1/", "url_host"},
        {"https://0/", "url_host"},
        {"https://example.1/", "url_host"},
        {"https://example.0x/", "url_host"},
        {"https://169.254.43518/", "url_host"},
    };
    for (const auto& [given, code] : cases) {
        CAPTURE(given);
        const auto parsed = parse_url(given, false);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == code);
        CHECK_FALSE(parsed.error().detail.empty());
    }
}

TEST_CASE("url: lengths", "[outbound]") {
    const std::string start = "https://example.com/";
    CHECK(parse_url(start + std::string(2048 - start.size(), 'a'), false));
    CHECK(parse_url(start + std::string(2049 - start.size(), 'a'), false).error().code == "invalid_url");
    CHECK(parse_url("https://" + std::string(63, 'a') + ".example/", false));
    CHECK(parse_url("https://" + std::string(64, 'a') + ".example/", false).error().code == "url_host");
    std::string labels;
    for (int i = 0; i < 126; ++i) labels += "a.";
    CHECK(parse_url("https://" + labels + "a/", false));
    CHECK(parse_url("https://" + labels + "aa/", false).error().code == "url_host");
}
