// SPDX-License-Identifier: Apache-2.0
#include "base/ip_network.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;

TEST_CASE("ip: addresses of both kinds, and nothing that only looks like one", "[base]") {
    REQUIRE(parse_ip("192.0.2.1"));
    CHECK(parse_ip("192.0.2.1") == parse_ip("::ffff:192.0.2.1"));
    CHECK(is_ipv4(*parse_ip("192.0.2.1")));
    CHECK_FALSE(is_ipv4(*parse_ip("2001:db8::1")));
    CHECK_FALSE(is_ipv4(*parse_ip("::1")));
    using std::string_view_literals::operator""sv;
    for (const auto text : {""sv, "192.0.2"sv, "192.0.2.1 "sv, "192.0.2.256"sv, "0192.0.2.1"sv, "[::1]"sv,
                            "::1%lo"sv, "192.0.2.1:80"sv, "unknown"sv, "1.1.1.1\0"sv, "1:2:3:4:5:6:7:8:9"sv,
                            "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"sv})
        CHECK_FALSE(parse_ip(text));
}

TEST_CASE("ip: networks contain what their prefix says", "[base]") {
    const auto holds = [](std::string_view network, std::string_view address) {
        const auto in = ip_network::parse(network);
        REQUIRE(in);
        return in->contains(*parse_ip(address));
    };
    CHECK(holds("10.0.0.0/8", "10.255.1.2"));
    CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    CHECK_FALSE(holds("10.0.0.0/8", "a00::"));
    CHECK(holds("192.0.2.128/25", "192.0.2.129"));
    CHECK_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
    CHECK(holds("192.0.2.7", "192.0.2.7"));
    CHECK_FALSE(holds("192.0.2.7", "192.0.2.6"));
    CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(holds("0.0.0.0/0", "255.0.0.1"));
    CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
    CHECK(holds("::/0", "192.0.2.1"));
}

TEST_CASE("ip: networks that are none", "[base]") {
    for (const auto* const text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                                   "10.0.0.1/8", "2001:db8::1/64", "::/129", "ten/8", "10.0.0.0/8/8", "10/8"})
        CHECK_FALSE(ip_network::parse(text));
}

TEST_CASE("ip: a network of everybody", "[base]") {
    for (const auto* const text : {"0.0.0.0/0", "::/0", "::/1", "::ffff:0:0/96"})
        CHECK(ip_network::parse(text)->is_everybody());
    for (const auto* const text : {"0.0.0.0/1", "2000::/3", "10.0.0.0/8"})
        CHECK_FALSE(ip_network::parse(text)->is_everybody());
}
