// SPDX-License-Identifier: Apache-2.0
#include "mail/templates.hpp"

#include <stdexcept>
#include <vector>

#include "base/testing/catch.hpp"
#include "mail/template_text.hpp"

using namespace bulkhead::mail;
using namespace std::chrono_literals;

namespace {

const auto home = *link_base::parse("https://app.example.com/x/");
const auto page = home.at("/go", {{"token", "a&b=c d"}, {"n", "1"}});

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// What every mail must be, whatever is in it.
void check_content(const content& mail, const web_link& where) {
    CHECK(!mail.subject.empty());
    CHECK(mail.subject.find_first_of("\r\n") == std::string::npos);
    CHECK(has(mail.text, where.str()));
    CHECK(has(mail.html, "href=\"https://app.example.com/x/go?token=a%26b%3Dc%20d&amp;n=1\""));
    for (const auto& body : {mail.text, mail.html}) {
        CHECK(has(body, "Bulk & Head") != has(body, "Bulk &amp; Head"));
        CHECK(!has(body, "{{"));
    }
    CHECK(has(mail.html, "<html lang=\"en\">"));
    CHECK(has(mail.html, "color-scheme"));
    for (const auto* const remote : {"<img", "<script", "<link", "src=", "@import", "url("})
        CHECK(!has(mail.html, remote));
}

}  // namespace

TEST_CASE("mail: addresses are masked in what servers say", "[mail]") {
    CHECK(without_addresses("550-5.1.1 <Ada@Example.org>: unknown 550 5.1.1 (ada+x@[::1]), ask \"a@b\"") ==
          "550-5.1.1 <***>: unknown 550 5.1.1 (***[::1]), ask \"***\"");
    CHECK(without_addresses("user ada@example.org") == "user ***");
    CHECK(without_addresses("@ no") == "*** no");
    for (const auto* const same : {"", " ", "550 5.7.1 no", "<>"}) CHECK(without_addresses(same) == same);
}

TEST_CASE("templates: every kind tells all of what it was given, in text and in HTML", "[mail]") {
    const templates all({"Bulk & Head", home});

    const auto confirm = all.render(verification{.name = "Ada", .confirm = page, .valid = 24h});
    check_content(confirm, page);
    CHECK(confirm.subject == "Confirm your e-mail address for Bulk & Head");
    CHECK(confirm.unsubscribe.empty());

    const auto reset = all.render(password_reset{.name = "Ada", .choose = page, .valid = 1h});
    check_content(reset, page);

    const auto invited = all.render(invitation{
        .inviter = "Grace", .tenant = "Acme & Sons", .role = "member", .accept = page, .valid = 72h});
    check_content(invited, page);
    CHECK(invited.subject == "You are invited to Acme & Sons on Bulk & Head");

    const auto told = all.render(alert{.name = "Ada",
                                       .title = "A webhook was switched off",
                                       .detail = "It failed for three days.",
                                       .when = "31 January 2026, 09:30 UTC",
                                       .more = page,
                                       .settings = home.at("/settings")});
    check_content(told, page);
    CHECK(told.subject == "A webhook was switched off");
    CHECK(told.unsubscribe == "https://app.example.com/x/settings");

    const auto in_both = [](const content& mail, std::vector<std::string> texts,
                            std::vector<std::string> htmls = {}) {
        if (htmls.empty()) htmls = texts;
        for (const auto& part : texts) CHECK(has(mail.text, part));
        for (const auto& part : htmls) CHECK(has(mail.html, part));
    };
    in_both(confirm, {"Hello Ada,", "1 day"});
    in_both(reset, {"Hello Ada,", "1 hour"});
    in_both(invited, {"Grace", "Acme & Sons", "member", "3 days"},
            {"Grace", "Acme &amp; Sons", "member", "3 days"});
    in_both(told, {"Hello Ada,", "three days.", "31 January", "/x/settings"});
}

TEST_CASE("templates: values stay values", "[mail]") {
    const templates all({"<b>Product</b>", home});
    const auto told = all.render(alert{.name = "<i>Ada</i>",
                                       .title = "a\r\nBcc: b@example.com",
                                       .detail = "<script>alert('1')</script>\n\n{{link}} \"q\"",
                                       .when = "now",
                                       .more = page,
                                       .settings = page});
    CHECK(told.subject == "a Bcc: b@example.com");
    CHECK(has(told.text, "Hello,\n"));
    CHECK(has(told.text, "<script>alert('1')</script> {{link}} \"q\"\n"));
    CHECK(has(told.html, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; {{link}} &quot;q&quot;"));
    CHECK(has(told.html, "&lt;b&gt;Product&lt;/b&gt;"));
    CHECK(!has(told.html, "<b>"));
    CHECK(!has(told.html, "<script>"));
}

TEST_CASE("templates: strangers cannot send texts of theirs as names", "[mail]") {
    for (const auto* const name :
         {"", "visit evil.com", "http://evil", "a@b", "evil.com/x", "x\\y", "<a>", "[x](y)", "\xff"}) {
        INFO(name);
        CHECK(plain_name(name, "you") == "you");
    }
    CHECK(plain_name(std::string(65, 'x'), "you") == "you");
    CHECK(plain_name("  J. R. \n Doe-O'Hara & Söhne Jr.", "you") == "J. R. Doe-O'Hara & Söhne Jr.");
}

TEST_CASE("templates: a place without a value, or without an end, is a bug", "[mail]") {
    const std::vector<place> values{{"a", "<1>"}, {"b", "{{a}}"}};
    CHECK(fill("x {{a}} {{b}} }} {y}", values, markup::text) == "x <1> {{a}} }} {y}");
    CHECK(fill("{{a}}", values, markup::html) == "&lt;1&gt;");
    CHECK_THROWS_AS(fill("{{c}}", values, markup::text), std::logic_error);
    CHECK_THROWS_AS(fill("{{a }}", values, markup::text), std::logic_error);
    CHECK_THROWS_AS(fill("{{a", values, markup::text), std::logic_error);
}

TEST_CASE("templates: links lead to the product", "[mail]") {
    CHECK(page.str() == "https://app.example.com/x/go?token=a%26b%3Dc%20d&n=1");
    CHECK(link_base::parse("HTTP://[::1]:8000")->at("/a").str() == "http://[::1]:8000/a");
    for (const auto* const url :
         {"", "app.example.com", "javascript:alert(1)", "ftp://h", "https://", "https:///x", "https://u@h",
          "https://h/?q", "https://h/#f", "https://h/\"x", "https://h/ x"}) {
        INFO(url);
        CHECK(!link_base::parse(url));
    }
}

TEST_CASE("templates: durations as people say them", "[mail]") {
    CHECK(spoken_duration(1min) == "1 minute");
    CHECK(spoken_duration(90min) == "90 minutes");
    CHECK(spoken_duration(1h) == "1 hour");
    CHECK(spoken_duration(24h) == "1 day");
    CHECK(spoken_duration(36h) == "36 hours");
    CHECK(spoken_duration(48h) == "2 days");
}
