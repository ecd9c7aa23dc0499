// SPDX-License-Identifier: Apache-2.0
#include "http/client_address.hpp"

#include "base/testing/catch.hpp"
#include "http/peer_connections.hpp"

namespace bulkhead::http {
namespace {

using boost::asio::ip::make_address;
using lines = std::vector<std::pair<std::string_view, std::string_view>>;

trusted_proxies trusting(std::initializer_list<std::string_view> texts) {
    std::vector<ip_network> out;
    for (const auto text : texts) out.push_back(ip_network::parse(text).value());
    return trusted_proxies(std::move(out));
}

request_origin origin(const lines& sent, std::string_view peer, const trusted_proxies& proxies,
                      bool secure = false) {
    request_head head;
    for (const auto& [name, value] : sent) head.add({name, value});
    return origin_of(head, make_address(std::string(peer)), secure, proxies);
}

std::string client(const lines& sent, std::string_view peer, const trusted_proxies& proxies) {
    return origin(sent, peer, proxies).client.to_string();
}

const auto house = trusting({"10.0.0.0/8", "2001:db8:ffff::/48"});

TEST_CASE("client: a peer that is not trusted is the client, whatever it says", "[http]") {
    const lines claims{{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https"}};
    CHECK(client(claims, "203.0.113.9", house) == "203.0.113.9");
    CHECK_FALSE(origin(claims, "203.0.113.9", house).secure);
    CHECK(client(claims, "10.1.2.3", trusted_proxies{}) == "10.1.2.3");
    CHECK(client({}, "::ffff:203.0.113.9", house) == "203.0.113.9");
}

TEST_CASE("client: the right-most address that is not trusted", "[http]") {
    CHECK(client({{"X-Forwarded-For", "192.0.2.1"}}, "10.1.2.3", house) == "192.0.2.1");
    CHECK(client({{"x-forwarded-for", "6.6.6.6, 192.0.2.1"}}, "10.1.2.3", house) == "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", "6.6.6.6, 192.0.2.1,10.9.9.9 , 10.8.8.8"}}, "10.1.2.3", house) ==
          "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", "192.0.2.1"}}, "::ffff:10.1.2.3", house) == "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", "6.6.6.6, 2001:db8::7"}}, "2001:db8:ffff::1", house) == "2001:db8::7");
    CHECK(client({{"X-Forwarded-For", "::ffff:192.0.2.1"}}, "10.1.2.3", house) == "192.0.2.1");
}

TEST_CASE("client: several lines are one list, in their order", "[http]") {
    const lines sent{
        {"X-Forwarded-For", "6.6.6.6"}, {"Accept", "*/*"}, {"X-Forwarded-For", "192.0.2.1, 10.0.0.7"}};
    CHECK(client(sent, "10.1.2.3", house) == "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "10.0.0.7"}}, "10.1.2.3", house) ==
          "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", ""}}, "10.1.2.3", house) ==
          "192.0.2.1");
    CHECK(client({{"X-Forwarded-For", ",192.0.2.1, ,"}}, "10.1.2.3", house) == "192.0.2.1");
}

TEST_CASE("client: a chain that ends among the trusted gives its first address", "[http]") {
    CHECK(client({}, "10.1.2.3", house) == "10.1.2.3");
    CHECK(client({{"X-Forwarded-For", " , "}}, "10.1.2.3", house) == "10.1.2.3");
    CHECK(client({{"X-Forwarded-For", "10.5.5.5, 10.6.6.6"}}, "10.1.2.3", house) == "10.5.5.5");
}

TEST_CASE("client: ports and brackets", "[http]") {
    for (const auto* const text : {"192.0.2.1:80", "192.0.2.1:65535"})
        CHECK(client({{"X-Forwarded-For", text}}, "10.1.2.3", house) == "192.0.2.1");
    for (const auto* const text : {"[2001:db8::7]", "[2001:db8::7]:443", "2001:db8::7"})
        CHECK(client({{"X-Forwarded-For", text}}, "10.1.2.3", house) == "2001:db8::7");
}

TEST_CASE("client: garbage ends the walk at the last good hop", "[http]") {
    for (const auto* const text :
         {"unknown", "_hidden", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "[192.0.2.1]", "[::1",
          "[::1]x", "[::1]:", "::1%eth0", "192.0.2.1 192.0.2.2", "\"192.0.2.1\"", "for=192.0.2.1",
          "192.0.2.1/24", "-", "1", "\x80\xff"})
        CHECK(client({{"X-Forwarded-For", std::string("6.6.6.6, ") + text + ", 10.9.9.9"}}, "10.1.2.3",
                     house) == "10.9.9.9");
}

TEST_CASE("client: a chain without end is given up", "[http]") {
    std::string chain = "192.0.2.1";
    for (int i = 0; i < 2000; ++i) chain += ",10.0.0.1";
    CHECK(client({{"X-Forwarded-For", chain}}, "10.1.2.3", house) == "10.0.0.1");
}

TEST_CASE("client: Forwarded says nothing", "[http]") {
    CHECK(client({{"Forwarded", "for=192.0.2.1;proto=https"}}, "10.1.2.3", house) == "10.1.2.3");
}

TEST_CASE("client: https at the trusted proxy counts as secure", "[http]") {
    const auto secure = [](std::string_view said) {
        return origin({{"X-Forwarded-Proto", said}}, "10.1.2.3", house).secure;
    };
    CHECK(secure("https"));
    CHECK(secure("HTTPS, https"));
    for (const auto* const text : {"", "http", "https, http", "http, https", "httpsx", "wss"})
        CHECK_FALSE(secure(text));
    CHECK_FALSE(origin({}, "10.1.2.3", house).secure);
    CHECK(origin({}, "203.0.113.9", house, true).secure);
}

TEST_CASE("client: an IPv6 host is its /64", "[http]") {
    const auto name = [](const char* text) { return client_network_name(make_address(text)); };
    CHECK(name("192.0.2.1") == "192.0.2.1");
    CHECK(name("::ffff:192.0.2.1") == "192.0.2.1");
    CHECK(name("2001:db8:0:1:aaaa::1") == "2001:db8:0:1::/64");
    CHECK(name("2001:db8:0:1:bbbb::2") == name("2001:db8:0:1::"));
    CHECK(name("2001:db8:0:2::1") != name("2001:db8:0:1::1"));
}

TEST_CASE("connections: each client has so many at most", "[http]") {
    peer_connections table(2, house);
    const auto from = [&](const char* text) { return table.enter(make_address(text)); };
    {
        auto first = from("192.0.2.1");
        auto second = from("::ffff:192.0.2.1");
        REQUIRE(first);
        REQUIRE(second);
        CHECK_FALSE(from("192.0.2.1"));
        CHECK(from("192.0.2.2"));
        CHECK(table.clients() == 1);
        {
            const auto moved = std::move(*second);
            second.reset();
            CHECK_FALSE(from("192.0.2.1"));
        }
        CHECK(from("192.0.2.1"));
        const auto one = from("2001:db8::1"), two = from("2001:db8::2");
        CHECK_FALSE(from("2001:db8::3"));
        CHECK(from("2001:db8:0:1::3"));
    }
    CHECK(table.clients() == 0);
    const auto a = from("10.0.0.1"), b = from("10.0.0.1"), c = from("10.0.0.1");
    CHECK(c);
    CHECK(table.clients() == 0);
    peer_connections unlimited(0, {});
    CHECK(unlimited.enter(make_address("192.0.2.1")));
}

}  // namespace
}  // namespace bulkhead::http
