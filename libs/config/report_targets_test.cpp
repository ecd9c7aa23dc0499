// SPDX-License-Identifier: Apache-2.0
#include "config/report_targets.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::config;

TEST_CASE("report targets: a DSN names where envelopes go", "[config]") {
    const auto read = parse_sentry_dsn("https://0123456789abcdef@o1.ingest.example/42");
    REQUIRE(read);
    CHECK(read->envelopes.url == "https://o1.ingest.example/api/42/envelope/");
    CHECK(read->envelopes.encrypted);
    CHECK(!read->envelopes.near);
    CHECK(read->key.reveal() == "0123456789abcdef");
    const auto own = parse_sentry_dsn("http://key:old@127.0.0.1:9000/behind/a/prefix/7/");
    REQUIRE(own);
    CHECK(own->envelopes.url == "http://127.0.0.1:9000/behind/a/prefix/api/7/envelope/");
    CHECK(!own->envelopes.encrypted);
    CHECK(own->envelopes.near);
    CHECK(own->key.reveal() == "key");
    CHECK(parse_sentry_dsn("https://k@[::1]:9000/1")->envelopes.near);
}

TEST_CASE("report targets: what is no DSN is refused without repeating its key", "[config]") {
    for (const auto* wrong :
         {"canary", "https://host/1", "https://canary@host", "https://canary@host/", "https://canary@/1",
          "ftp://canary@host/1", "https://canary@host/1?a=b", "https://canary@host:0/1",
          "https://canary@host:x/1", "https://ca nary@host/1", "https://canary@a,b/1",
          "https://canary@host/1#x", "https://canary@host/a b/1", "https://canary@host/\"1"}) {
        const auto read = parse_sentry_dsn(wrong);
        REQUIRE(!read);
        CHECK(read.error().find("canary") == std::string::npos);
    }
}

TEST_CASE("report targets: a collector takes traces at its path", "[config]") {
    CHECK(parse_otlp_endpoint("http://collector:4318")->url == "http://collector:4318/v1/traces");
    CHECK(parse_otlp_endpoint("https://c.example/otlp/")->url == "https://c.example/otlp/v1/traces");
    CHECK(!parse_otlp_endpoint("collector:4318"));
    CHECK(!parse_otlp_endpoint("grpc://collector:4317"));
    CHECK(!parse_otlp_endpoint("http://user:pw@collector:4318"));
}

TEST_CASE("report targets: headers for the collector", "[config]") {
    const auto read = parse_otlp_headers("api-key=a%20b%3D, x-other = c=d ,");
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    CHECK((*read)[0].first == "api-key");
    CHECK((*read)[0].second.reveal() == "a b=");
    CHECK((*read)[1].second.reveal() == "c=d");
    for (const auto* wrong : {"a", "=b", "a b=c", "a=%0d%0ax", "a=%zz"}) CHECK(!parse_otlp_headers(wrong));
}

TEST_CASE("report targets: ratio", "[config]") {
    CHECK(parse_ratio("0.25") == 0.25);
    CHECK(parse_ratio("1") == 1.0);
    for (const auto* wrong : {"", "1.1", "-0.1", "nan", "half", "0.5x"}) CHECK(!parse_ratio(wrong));
}
