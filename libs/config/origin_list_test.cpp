// SPDX-License-Identifier: Apache-2.0
#include "config/origin_list.hpp"

#include "base/testing/catch.hpp"
#include "config/load.hpp"

using namespace bulkhead::config;

namespace {

environment_variables with(environment_variables more) {
    more.emplace("DATABASE_URL", "postgresql://localhost/b");
    more.emplace("REDIS_URL", "redis://localhost");
    more.emplace("JWT_SECRET", "7pX2vQ9sL4kR8wZ1nB6mT3yH5cJ0dFgE");
    return more;
}

std::vector<std::string> origins_of(environment_variables more) {
    const auto read = load(program::api, with(std::move(more)));
    REQUIRE(read);
    return read->values.cors_origins;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("origins: become what browsers send", "[config]") {
    struct sample {
        const char *text, *sent;
    };
    for (const auto& [text, sent] : {sample{"http://localhost:3000", "http://localhost:3000"},
                                     {"HTTPS://App.Example.COM", "https://app.example.com"},
                                     {"https://app.example.com:443", "https://app.example.com"},
                                     {"http://app.example.com:80", "http://app.example.com"},
                                     {"https://app.example.com:80", "https://app.example.com:80"},
                                     {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
                                     {"http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"},
                                     {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
                                     {"https://my_app.example", "https://my_app.example"},
                                     {"capacitor://localhost", "capacitor://localhost"}}) {
        INFO(text);
        REQUIRE(parse_origin(text));
        CHECK(parse_origin(text).value() == sent);
    }
}

TEST_CASE("origins: what is none is refused with a reason", "[config]") {
    for (const auto* const bad : {"",
                                  "null",
                                  "*",
                                  "app.example.com",
                                  "localhost:3000",
                                  "https://",
                                  "://x",
                                  "https://x/",
                                  "https://x/app",
                                  "https://x?y",
                                  "https://x#y",
                                  "https://u@x",
                                  "https://*.example.com",
                                  "https://x:0",
                                  "https://x:65536",
                                  "https://x:",
                                  "https://x:y",
                                  "https://b\xc3\xbc"
                                  "cher.example",
                                  "https://a..b",
                                  "https://-a",
                                  "https://a b",
                                  "https://[::1",
                                  "https://[x:y]",
                                  "1s://x",
                                  "https://x\r\nA:"}) {
        INFO(bad);
        REQUIRE(!parse_origin(bad));
        CHECK(!parse_origin(bad).error().empty());
    }
}

TEST_CASE("origins: lists", "[config]") {
    CHECK(parse_origins("https://a.example, https://b.example ,https://A.example:443").value() ==
          list{"https://a.example", "https://b.example"});
    CHECK(parse_origins("*").value() == list{"*"});
    for (const auto* const bad :
         {"https://a.example,", ",", "https://a.example,*", "https://a.example;https://b.example"})
        CHECK(!parse_origins(bad));
    std::string many = "https://x0";
    for (int i = 1; i <= 100; ++i) many += ",https://x" + std::to_string(i);
    CHECK(!parse_origins(many));
}

TEST_CASE("CORS_ORIGINS: defaults and other names", "[config]") {
    CHECK(origins_of({}) == list{"http://localhost:3000"});
    CHECK(origins_of({{"ENVIRONMENT", "test"}}).empty());
    CHECK(origins_of({{"ENVIRONMENT", "staging"}}).empty());
    CHECK(origins_of({{"CORS_ORIGIN", "https://a.example"}}) == list{"https://a.example"});
    CHECK(origins_of({{"FRONTEND_URL", "https://a.example/"}}) == list{"https://a.example"});
    CHECK(origins_of({{"CORS_ORIGINS", "*"}}) == list{"*"});
    for (const auto* const name : {"CORS_ORIGINS", "FRONTEND_URL"}) {
        const auto read = load(program::api, with({{name, "https://a.example/app"}}));
        REQUIRE(!read);
        CHECK(read.error().front().starts_with(name));
    }
}
