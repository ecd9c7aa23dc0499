// SPDX-License-Identifier: Apache-2.0
#include "config/mail_settings.hpp"

#include <algorithm>

#include "base/testing/catch.hpp"
#include "config/load.hpp"

using namespace bulkhead::config;

TEST_CASE("smtp url: hosts, ports, logins, TLS", "[config]") {
    struct sample {
        const char *url, *host;
        unsigned port;
        const char *user, *password;
        smtp_tls tls;
    };
    const sample samples[] = {
        {"smtp://relay", "relay", 25, "", "", smtp_tls::if_offered},
        {"smtp://relay?tls=required", "relay", 25, "", "", smtp_tls::required},
        {"smtp://relay:2525/?tls=off", "relay", 2525, "", "", smtp_tls::off},
        {"smtp://u:pw@mail.example.com", "mail.example.com", 587, "u", "pw", smtp_tls::required},
        {"smtp://u%40x.org:p%3aw@h:26", "h", 26, "u@x.org", "p:w", smtp_tls::required},
        {"SMTPS://u:pw@h", "h", 465, "u", "pw", smtp_tls::from_start},
        {"smtps://[2001:db8::1]:466", "2001:db8::1", 466, "", "", smtp_tls::from_start},
        {"smtp://u:pw@localhost:1025", "localhost", 1025, "u", "pw", smtp_tls::off},
        {"smtp://u:pw@127.0.0.1:1025?tls=required", "127.0.0.1", 1025, "u", "pw", smtp_tls::required}};
    for (const auto& one : samples) {
        INFO(one.url);
        const auto at = parse_smtp_url(one.url);
        REQUIRE(at);
        CHECK(at->host == one.host);
        CHECK(at->port == one.port);
        CHECK(at->user == one.user);
        CHECK(at->password.reveal() == one.password);
        CHECK(at->tls == one.tls);
    }
}

TEST_CASE("smtp url: refuses what it does not understand or should not do, without repeating it",
          "[config]") {
    for (const auto* const url :
         {"", "mail:25", "http://h", "smtp://", "smtp://secretpw@h", "smtp://:secretpw@h",
          "smtp://u:secretpw@", "smtp://u:secretpw@h:0", "smtp://u:secretpw@h:65536", "smtp://u:secretpw@a,b",
          "smtp://u:secretpw@h/x", "smtp://u:secretpw@h?tls=off", "smtp://u:secretpw@h?tls=maybe",
          "smtp://u:secretpw@h?ssl=off", "smtps://u:secretpw@h?tls=required", "smtp://u:secretpw%0d%0aQUIT@h",
          "smtp://u:secretpw%zz@h"}) {
        INFO(url);
        const auto at = parse_smtp_url(url);
        REQUIRE(!at);
        CHECK(at.error().find("secretpw") == std::string::npos);
    }
}

TEST_CASE("mail sender: with a name and without", "[config]") {
    const auto named = parse_mail_sender(" Bulkhead & Söhne  <No-Reply@Example.com> ");
    REQUIRE(named);
    CHECK(named->name == "Bulkhead & Söhne");
    CHECK(named->address == "no-reply@example.com");
    CHECK(parse_mail_sender("\"Example, Inc.\" <a@example.com>")->name == "Example, Inc.");
    const auto plain = parse_mail_sender("a@example.com");
    REQUIRE(plain);
    CHECK(plain->name.empty());
    CHECK(plain->address == "a@example.com");
    for (const auto* const wrong :
         {"", "Ada", "Ada <>", "Ada <a@b>", "<a@example.com", "a@example.com>", "A\nB <a@example.com>",
          "Ada <a@example.com> b", "Ada <\xc3\xa4@example.com>"}) {
        INFO(wrong);
        CHECK(!parse_mail_sender(wrong));
    }
}

TEST_CASE("app url: where pages are, and nothing else", "[config]") {
    for (const auto& [text, kept] : {std::pair("https://app.example.com", "https://app.example.com"),
                                     std::pair("HTTP://localhost:3000/", "http://localhost:3000"),
                                     std::pair("https://[::1]:8443/a/b_c~//", "https://[::1]:8443/a/b_c~")}) {
        INFO(text);
        CHECK(parse_app_url(text) == kept);
    }
    for (const auto* const wrong :
         {"", "app.example.com", "ftp://h", "https://", "https://u@h", "https://u:p@h", "https://h?a=b",
          "https://h?", "https://h#a", "https://h:0", "https://a,b", "https://h/a b", "https://h/a\"b",
          "https://h/%0d", "javascript:alert(1)"}) {
        INFO(wrong);
        CHECK(!parse_app_url(wrong));
    }
    CHECK(!parse_app_url("https://h/" + std::string(400, 'a')));
    CHECK(parse_app_name(" Söhne & Co. ") == "Söhne & Co.");
    for (const auto& wrong : {std::string(), std::string("a\nb"), std::string(65, 'a'), std::string("\xff")})
        CHECK(!parse_app_name(wrong));
}

TEST_CASE("mail settings: a server needs a sender, and the report hides the password", "[config]") {
    environment_variables variables{{"DATABASE_URL", "postgresql://localhost/b"},
                                    {"REDIS_URL", "redis://localhost"},
                                    {"SMTP_URL", "smtps://u:secretpw@mail.example.com"}};
    const auto alone = load(program::worker, variables);
    REQUIRE(!alone);
    REQUIRE(alone.error().size() == 1);
    CHECK(alone.error()[0].starts_with("MAIL_FROM: needed beside SMTP_URL"));
    variables.emplace("MAIL_FROM", "Example <a@example.com>");
    const auto both = load(program::worker, variables);
    REQUIRE(both);
    CHECK(both->values.mail_from.name == "Example");
    CHECK(both->report.find("mail.example.com") != std::string::npos);
    CHECK(both->report.find("secretpw") == std::string::npos);
    CHECK(both->values.app_url == "http://localhost:3000");
    CHECK(both->values.app_name == "Bulkhead");
    variables.emplace("ENVIRONMENT", "staging");
    const auto away = load(program::worker, variables);
    REQUIRE(!away);
    CHECK(std::ranges::any_of(away.error(),
                              [](const std::string& one) { return one.starts_with("APP_URL:"); }));
}
