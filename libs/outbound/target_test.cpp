// SPDX-License-Identifier: Apache-2.0
#include "outbound/target.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::outbound;

namespace {

resolver says(std::vector<std::string_view> texts) {
    std::vector<ip_address> addresses;
    for (const auto text : texts) addresses.push_back(ip_address::parse(text).value());
    return [addresses](const std::string&) { return addresses; };
}

url hook() { return parse_url("https://hook.example/", false).value(); }

}  // namespace

TEST_CASE("target: addresses in URLs are checked when the URL is given", "[outbound]") {
    const target_rules rules;
    for (const auto* const bad :
         {"https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data",
          "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
          "https://[::ffff:8.8.8.8]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/",
          "https://[fd00::1]/", "https://[fe80::1]/"}) {
        CAPTURE(bad);
        const auto checked = check_target(bad, rules);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == "url_address");
    }
    CHECK(check_target("https://8.8.8.8/", rules));
    CHECK(check_target("https://[2606:4700:4700::1111]/", rules));
    CHECK(check_target("https://localhost/", rules));  // a name: checked when it is called
    CHECK_FALSE(check_target("http://hook.example/", rules));
    CHECK(check_target("http://hook.example/", {.plain_http = true}));
}

TEST_CASE("target: one address that is not public condemns the name", "[outbound]") {
    const target_rules rules;
    CHECK(addresses_of(hook(), rules, says({"8.8.8.8", "2606:4700::1"}))->size() == 2);
    CHECK(addresses_of(hook(), rules, says({"127.0.0.1"})).error().code == "url_address");
    CHECK(addresses_of(hook(), rules, says({"8.8.8.8", "127.0.0.1"})).error().code == "url_address");
    CHECK(addresses_of(hook(), rules, says({"2606:4700::1", "10.0.0.1"})).error().code == "url_address");
    CHECK(addresses_of(hook(), rules, says({"8.8.8.8", "::ffff:8.8.8.8"})).error().code == "url_address");
    CHECK(addresses_of(hook(), rules, says({}))->empty());
}

TEST_CASE("target: what is refused does not say where names lead", "[outbound]") {
    const auto refused = addresses_of(hook(), {}, says({"10.20.30.40"}));
    CHECK(refused.error().detail.find("10.20") == std::string::npos);
}

TEST_CASE("target: many addresses are all checked, and a few used", "[outbound]") {
    std::vector<std::string_view> many(40, "8.8.8.8");
    CHECK(addresses_of(hook(), {}, says(many))->size() == 8);
    many.back() = "192.168.0.1";
    CHECK_FALSE(addresses_of(hook(), {}, says(many)));
}

TEST_CASE("target: an address needs no resolver", "[outbound]") {
    const auto never = [](const std::string&) -> std::vector<ip_address> { throw std::logic_error("asked"); };
    const auto address = parse_url("https://8.8.8.8/", false).value();
    CHECK(addresses_of(address, {}, never)->front().text() == "8.8.8.8");
}

TEST_CASE("target: connections go nowhere else", "[outbound]") {
    const std::vector pinned{ip_address::parse("8.8.8.8").value(), ip_address::parse("10.0.0.1").value()};
    const address_rules rules;
    const pinned_addresses may(pinned, rules);
    CHECK(may.hold(pinned.front()));
    CHECK_FALSE(may.hold(ip_address::parse("8.8.4.4").value()));
    CHECK_FALSE(may.hold(ip_address::parse("127.0.0.1").value()));
    CHECK_FALSE(may.hold(ip_address::parse("::ffff:8.8.8.8").value()));
    CHECK_FALSE(may.hold(pinned.back()));  // pinned by mistake: still not admitted
}

TEST_CASE("target: the system's names", "[outbound]") {
    const auto found = resolve_by_system("localhost");
    REQUIRE_FALSE(found.empty());
    for (const auto& each : found) CHECK(special_purpose(each) == "loopback");
    CHECK(resolve_by_system("no-such-name.invalid").empty());
}
