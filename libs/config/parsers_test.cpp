// SPDX-License-Identifier: Apache-2.0
#include "config/parsers.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::config;
using namespace std::chrono_literals;

TEST_CASE("parse_size: units and overflow", "[config]") {
    struct sample {
        const char* text;
        std::optional<std::size_t> bytes;
    };
    const sample samples[] = {{"0", 0},
                              {"65536", 65536},
                              {"12B", 12},
                              {"500KB", 500'000},
                              {"500kb", 500'000},
                              {"1KiB", 1024},
                              {"1MiB", 1'048'576},
                              {"10MB", 10'000'000},
                              {"2 GiB", 2'147'483'648},
                              {"18446744073709551615", 18446744073709551615U},
                              {"18446744073709551616", std::nullopt},
                              {"18446744073709551615KB", std::nullopt},
                              {"", std::nullopt},
                              {"MiB", std::nullopt},
                              {"-1", std::nullopt},
                              {"1.5MiB", std::nullopt},
                              {"1m", std::nullopt},
                              {"1MiBx", std::nullopt}};
    for (const auto& one : samples) {
        INFO(one.text);
        CHECK(parse_size(one.text) == one.bytes);
    }
}

TEST_CASE("parse_bool: the usual words only", "[config]") {
    for (const auto* const yes : {"true", "TRUE", "1", "yes", "On"}) CHECK(parse_bool(yes).value());
    for (const auto* const no : {"false", "0", "no", "OFF"}) CHECK(!parse_bool(no).value());
    for (const auto* const other : {"2", "t", "truee", "\"true\"", " true"}) CHECK(!parse_bool(other));
}

TEST_CASE("parse_address: literals only", "[config]") {
    CHECK(parse_address("::").value() == "::");
    CHECK(parse_address("10.1.2.3").value() == "10.1.2.3");
    CHECK(parse_address("localhost").value() == "127.0.0.1");
    for (const auto* const bad : {"*", "256.0.0.1", "10.0.0", "[::1]", "host.example", "127.0.0.1:80"})
        CHECK(!parse_address(bad));
}

TEST_CASE("parse_server: host and port", "[config]") {
    CHECK(parse_server("db.example.com:6432").value().host == "db.example.com");
    CHECK(parse_server("db.example.com:6432").value().port == 6432);
    CHECK(parse_server("[::1]:1").value().host == "::1");
    for (const auto* const bad :
         {"", "host", ":6432", "host:", "host:0", "host:65536", "host:x", "::1:6432", "[::1]"})
        CHECK(!parse_server(bad));
}

TEST_CASE("parse_slug, parse_domain: bounds", "[config]") {
    for (const auto* const good : {"ab", "a1", "acme-corp", "a-"}) CHECK(parse_slug(good));
    CHECK(parse_slug("a" + std::string(38, 'b')));
    CHECK(!parse_slug("a" + std::string(39, 'b')));
    for (const auto* const bad : {"a", "1a", "-a", "Acme", "a_b", "a.b"}) CHECK(!parse_slug(bad));

    CHECK(parse_domain(".App.Example.com").value() == "app.example.com");
    CHECK(parse_domain("localhost"));
    for (const auto* const bad : {"a..b", "-a.b", "a-.b", "a.b.", "a b", "http://a", "a:80", "."})
        CHECK(!parse_domain(bad));
    CHECK(!parse_domain(std::string(64, 'a') + ".example"));
    std::string long_name;
    while (long_name.size() < 253) long_name += "abcdefg.";
    CHECK(!parse_domain(long_name + "com"));
}

TEST_CASE("parse_file_url: a folder, relative or not", "[config]") {
    CHECK(parse_file_url("file://.dev/backups").value() == ".dev/backups");
    CHECK(parse_file_url("file:///var/lib/bulkhead").value() == "/var/lib/bulkhead");
    for (const auto* const bad : {"", "file://", "file:/a", "/a", "s3://key:word@host/bucket", "FILE:///a"})
        CHECK(!parse_file_url(bad));
    // What stands behind the scheme may hold a password.
    CHECK(parse_file_url("s3://key:word@host/bucket").error().find("word") == std::string::npos);
    CHECK(parse_file_url("s3://bucket").error().find("only file://") != std::string::npos);
}

TEST_CASE("parse_password_hash: bcrypt with a cost", "[config]") {
    CHECK(parse_password_hash("bcrypt:4").value() == 4);
    CHECK(parse_password_hash("bcrypt:15").value() == 15);
    for (const auto* const bad :
         {"bcrypt", "bcrypt:", "bcrypt:3", "bcrypt:16", "bcrypt:12 ", "Bcrypt:12", "md5:1", "12"})
        CHECK(!parse_password_hash(bad));
}

TEST_CASE("parse_key: 32 bytes of canonical base64, never repeated in the problem", "[config]") {
    CHECK(parse_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").value().reveal().substr(0, 3) ==
          std::string_view("\0\1\2", 3));
    for (const auto* const bad : {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                                  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "not base64",
                                  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="}) {
        const auto key = parse_key(bad);
        REQUIRE(!key);
        CHECK(key.error().find(bad) == std::string::npos);
    }
}

TEST_CASE("parse_log_level: other stacks' words", "[config]") {
    CHECK(parse_log_level("WARNING").value() == "warn");
    CHECK(parse_log_level("Critical").value() == "error");
    CHECK(parse_log_level("trace").value() == "trace");
    CHECK(!parse_log_level("verbose"));
}

TEST_CASE("parse_time: bounds are part of the problem", "[config]") {
    CHECK(parse_time<1000, 3'600'000>("90s").value() == 90s);
    for (const auto* const bad : {"999ms", "2h", "-5s", "1e3", "s", "5S"}) {
        const auto value = parse_time<1000, 3'600'000>(bad);
        REQUIRE(!value);
        CHECK(value.error().find("from 1s to 1h") != std::string::npos);
    }
}

TEST_CASE("parse_secret: says the length, not the value", "[config]") {
    const auto problem = parse_secret<32>("hunter22");
    REQUIRE(!problem);
    CHECK(problem.error().find("8 bytes") != std::string::npos);
    CHECK(problem.error().find("hunter22") == std::string::npos);
    CHECK(parse_secret<32>(std::string(32, 'x')));
}

TEST_CASE("parse_concurrency: a number for each lane", "[config]") {
    using numbers = std::array<unsigned, 3>;
    CHECK(parse_concurrency("critical=1,default=2,bulk=3").value() == numbers{1, 2, 3});
    CHECK(parse_concurrency(" bulk=0 , default=1000").value() == numbers{4, 1000, 0});
    for (const auto* bad : {"", "16", "default", "default=", "default=x", "default=1001", "default=-1",
                            "other=1", "bulk=1,bulk=2", "critical=0,default=0,bulk=0", "default=1,"})
        CHECK_FALSE(parse_concurrency(bad));
}

TEST_CASE("parse_rates: counts in times", "[config]") {
    const auto both = parse_rates("60/1m, 1000/1h");
    REQUIRE(both);
    REQUIRE(both->size() == 2);
    CHECK((*both)[0].count == 60);
    CHECK((*both)[0].length == 1min);
    CHECK((*both)[1].count == 1000);
    CHECK((*both)[1].length == 1h);
    CHECK(parse_rates("5/90").value()[0].length == 90s);
    CHECK(parse_rates("OFF").value().empty());
    for (const auto* const bad :
         {"", "60", "60/", "/1m", "0/1m", "-1/1m", "60/500ms", "60/1500ms", "60/25h", "60/1m,", "60/1m,off",
          "60/1m,70/60s", "1/1s,2/2s,3/3s,4/4s,5/5s", "1000000001/1m", "60 /1m"})
        CHECK_FALSE(parse_rates(bad));
}

TEST_CASE("parse_networks: networks and addresses", "[config]") {
    const auto some = parse_networks("10.0.0.0/8 ,2001:db8::1");
    REQUIRE(some);
    REQUIRE(some->size() == 2);
    CHECK((*some)[0] == *bulkhead::ip_network::parse("10.0.0.0/8"));
    for (const auto* const bad :
         {"", "10.0.0.0/8,", "10.1.2.3/8", "proxy.example", "10.0.0.0/8 10.1.0.0/16", "*"})
        CHECK_FALSE(parse_networks(bad));
}
