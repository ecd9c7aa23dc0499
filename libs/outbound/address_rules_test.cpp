// SPDX-License-Identifier: Apache-2.0
#include "outbound/address_rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::outbound;

namespace {

struct row {
    std::string address, purpose;  // empty: public
};

ip_address at(std::string_view text) { return ip_address::parse(text).value(); }

std::vector<ip_network> networks(std::initializer_list<std::string_view> texts) {
    std::vector<ip_network> out;
    for (const auto text : texts) out.push_back(ip_network::parse(text).value());
    return out;
}

}  // namespace

TEST_CASE("addresses: the edges of what is special", "[outbound]") {
    const std::vector<row> cases{
        {"0.0.0.0", "this network"},
        {"0.0.0.1", "this network"},
        {"0.255.255.255", "this network"},
        {"1.0.0.0", ""},
        {"1.1.1.1", ""},
        {"8.8.8.8", ""},
        {"9.255.255.255", ""},
        {"10.0.0.0", "private network"},
        {"10.255.255.255", "private network"},
        {"11.0.0.0", ""},
        {"100.63.255.255", ""},
        {"100.64.0.0", "carrier's network"},
        {"100.100.100.200", "carrier's network"},  // metadata of one cloud
        {"100.127.255.255", "carrier's network"},
        {"100.128.0.0", ""},
        {"126.255.255.255", ""},
        {"127.0.0.0", "loopback"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.0", ""},
        {"169.253.255.255", ""},
        {"169.254.0.0", "link-local"},
        {"169.254.169.254", "link-local"},
        {"169.254.170.2", "link-local"},
        {"169.254.255.255", "link-local"},
        {"169.255.0.0", ""},
        {"172.15.255.255", ""},
        {"172.16.0.0", "private network"},
        {"172.31.255.255", "private network"},
        {"172.32.0.0", ""},
        {"191.255.255.255", ""},
        {"192.0.0.0", "protocol assignments"},
        {"192.0.0.170", "protocol assignments"},
        {"192.0.0.255", "protocol assignments"},
        {"192.0.1.0", ""},
        {"192.0.2.0", "documentation"},
        {"192.0.2.255", "documentation"},
        {"192.0.3.0", ""},
        {"192.31.196.1", "AS112"},
        {"192.52.193.1", "multicast tunnelling"},
        {"192.88.99.1", "6to4 relay"},
        {"192.167.255.255", ""},
        {"192.168.0.0", "private network"},
        {"192.168.255.255", "private network"},
        {"192.169.0.0", ""},
        {"192.175.48.1", "AS112"},
        {"198.17.255.255", ""},
        {"198.18.0.0", "benchmarking"},
        {"198.19.255.255", "benchmarking"},
        {"198.20.0.0", ""},
        {"198.51.100.1", "documentation"},
        {"203.0.113.1", "documentation"},
        {"203.0.114.0", ""},
        {"223.255.255.255", ""},
        {"224.0.0.0", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.254", "reserved"},
        {"255.255.255.255", "reserved"},

        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "IPv4-compatible"},
        {"::127.0.0.1", "IPv4-compatible"},
        {"::8.8.8.8", "IPv4-compatible"},
        {"::ffff:127.0.0.1", "IPv4-mapped"},
        {"::ffff:8.8.8.8", "IPv4-mapped"},
        {"::ffff:a9fe:a9fe", "IPv4-mapped"},
        {"::ffff:0:7f00:1", "IPv4-translated"},
        {"0:0:0:1::1", "not assigned"},
        {"64:ff9b::127.0.0.1", "NAT64"},
        {"64:ff9b::8.8.8.8", "NAT64"},
        {"64:ff9b:1::1", "NAT64"},
        {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64"},
        {"64:ff9b:2::1", "not assigned"},
        {"100::1", "discard only"},
        {"100:0:0:1::1", "not assigned"},
        {"200::1", "not assigned"},
        {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not assigned"},
        {"2000::1", ""},
        {"2001::1", "Teredo"},
        {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"},
        {"2001:1::1", "protocol assignments"},
        {"2001:2::1", "benchmarking"},
        {"2001:2:1::1", "protocol assignments"},
        {"2001:4:112::1", "protocol assignments"},
        {"2001:10::1", "ORCHID"},
        {"2001:20::1", "ORCHID"},
        {"2001:2f:ffff::1", "ORCHID"},
        {"2001:30::1", "protocol assignments"},
        {"2001:1ff:ffff::1", "protocol assignments"},
        {"2001:200::1", ""},
        {"2001:4860:4860::8888", ""},
        {"2001:db7:ffff::1", ""},
        {"2001:db8::1", "documentation"},
        {"2001:db9::1", ""},
        {"2002:7f00:1::1", "6to4"},
        {"2002:808:808::1", "6to4"},
        {"2003::1", ""},
        {"2606:4700:4700::1111", ""},
        {"2606:4700::5efe:7f00:1", "tunnel to an IPv4 address"},
        {"2606:4700::200:5efe:7f00:1", "tunnel to an IPv4 address"},
        {"2620:4f:8000::1", "AS112"},
        {"2a00:1450:4001::1", ""},
        {"3ffd:ffff::1", ""},
        {"3ffe::1", "6bone"},
        {"3fff::1", "documentation"},
        {"3fff:fff:ffff::1", "documentation"},
        {"3fff:1000::1", ""},
        {"4000::1", "not assigned"},
        {"5f00::1", "segment routing"},
        {"fbff::1", "not assigned"},
        {"fc00::1", "unique local"},
        {"fd00:ec2::254", "unique local"},
        {"fdff:ffff::1", "unique local"},
        {"fe00::1", "not assigned"},
        {"fe80::1", "link-local"},
        {"febf:ffff::1", "link-local"},
        {"fec0::1", "site-local"},
        {"feff::1", "site-local"},
        {"ff02::1", "multicast"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
    };
    const address_rules none_allowed;
    for (const auto& [address, purpose] : cases) {
        CAPTURE(address);
        CHECK(special_purpose(at(address)) == purpose);
        CHECK(none_allowed.admit(at(address)) == purpose.empty());
    }
}

TEST_CASE("addresses: what the operator allows", "[outbound]") {
    const address_rules rules{networks({"10.1.0.0/16", "fd12::/16"})};
    CHECK(rules.admit(at("10.1.255.255")));
    CHECK_FALSE(rules.admit(at("10.2.0.0")));
    CHECK(rules.admit(at("fd12::1")));
    CHECK_FALSE(rules.admit(at("fd13::1")));
    CHECK(rules.admit(at("8.8.8.8")));
    CHECK_FALSE(rules.admit(at("::ffff:10.1.0.1")));
    const address_rules everything{networks({"::/0"})};
    CHECK(everything.admit(at("127.0.0.1")));
    CHECK_FALSE(everything.admit(at("::ffff:127.0.0.1")));
}

TEST_CASE("addresses: behind a NAT64 that is allowed the IPv4 address counts", "[outbound]") {
    const address_rules rules{networks({"64:ff9b::/96"})};
    CHECK(rules.admit(at("64:ff9b::8.8.8.8")));
    CHECK_FALSE(rules.admit(at("64:ff9b::10.0.0.1")));
    CHECK_FALSE(rules.admit(at("64:ff9b::169.254.169.254")));
    const address_rules with_private{networks({"64:ff9b::/96", "10.0.0.0/8"})};
    CHECK(with_private.admit(at("64:ff9b::10.0.0.1")));
}

TEST_CASE("addresses: from sockets and as text", "[outbound]") {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    ::inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    const auto from_v4 = ip_address::from(reinterpret_cast<const sockaddr&>(v4));
    const auto from_v6 = ip_address::from(reinterpret_cast<const sockaddr&>(v6));
    REQUIRE(from_v4);
    REQUIRE(from_v6);
    CHECK(*from_v4 == at("192.0.2.1"));
    CHECK(from_v4->text() == "192.0.2.1");
    CHECK(*from_v6 == at("::ffff:192.0.2.1"));
    CHECK_FALSE(*from_v4 == *from_v6);
    CHECK(from_v6->text() == "::ffff:192.0.2.1");
    sockaddr_un file{};
    file.sun_family = AF_UNIX;
    CHECK_FALSE(ip_address::from(reinterpret_cast<const sockaddr&>(file)));
    CHECK_FALSE(ip_address::parse("127.1"));
}
