// SPDX-License-Identifier: Apache-2.0
#include "mailing/letter.hpp"

#include "base/testing/catch.hpp"
#include "mailing/letterhead.hpp"
#include "mailing/send_mail.hpp"

using namespace bulkhead;
using namespace std::chrono_literals;
using mailing::letter;

namespace {

letter read(std::string_view text) {
    INFO(text);
    auto out = schema::parse<letter>(text);
    REQUIRE(out);
    return *std::move(out);
}

/// "pointer code", of the first problem.
std::string problem_of(std::string_view text) {
    const auto out = schema::parse<letter>(text);
    if (out) return "none";
    const auto& fields = out.error().fields;
    return fields.empty() ? out.error().detail : fields.front().pointer + ' ' + fields.front().code;
}

mail::message written(std::string_view text) {
    const mailing::letterhead paper({"Example", *mail::link_base::parse("https://app.example.com/x/")});
    tenancy::tenant of;
    of.slug = "acme";
    of.name = "Acme Works";
    return paper.write(read(text), of);
}

constexpr auto reset =
    R"({"to":"Ada@Example.org","name":"Ada","mail":{"reset":{"token":"a+b&c","valid_minutes":60}}})";

}  // namespace

TEST_CASE("letters: exactly one template, with what it needs and no more", "[mailing]") {
    CHECK(problem_of(reset) == "none");
    const auto with = [](std::string_view mail) {
        return problem_of(R"({"to":"a@b.cd","mail":)" + std::string(mail) + "}");
    };
    CHECK(with("{}") == "/mail exactly_one");
    CHECK(
        with(R"({"reset":{"token":"t","valid_minutes":1},"verification":{"token":"t","valid_minutes":1}})") ==
        "/mail exactly_one");
    CHECK(with(R"({"reset":{"token":"t"}})") == "/mail/reset/valid_minutes required");
    CHECK(with(R"({"reset":{"token":"","valid_minutes":1}})") == "/mail/reset/token too_short");
    CHECK(with(R"({"reset":{"token":"t","valid_minutes":0}})") == "/mail/reset/valid_minutes out_of_range");
    CHECK(with(R"({"welcome":{}})") == "/mail/welcome unknown_member");
    CHECK(with("null") == "/mail null_not_allowed");
    CHECK(with(R"([])") == "/mail wrong_type");
    CHECK(problem_of(R"({"to":"nobody","mail":{}})") == "/to invalid_format");
    for (const auto* const page : {"exports", "//evil.example", "/a/../b", "/a b", "/a?b=c", "/a#b", ""})
        CHECK(with(fmt::format(
                  R"({{"alert":{{"title":"t","detail":"d","at":"2026-01-31T09:30:00Z","page":"{}"}}}})",
                  page)) == "/mail/alert/page invalid_format");
}

TEST_CASE("letters: what is made for a job is what the job reads", "[mailing]") {
    const auto job = queue::job_of<mailing::send_mail>(read(reset));
    CHECK(job.kind == "mail.send");
    const auto again = read(job.payload);
    CHECK(again.to.str() == "ada@example.org");
    CHECK(again.mail.reset.value().token.str() == "a+b&c");
    CHECK_FALSE(again.mail.alert);
    CHECK(queue::job_of<mailing::send_mail>(again).payload == job.payload);
}

TEST_CASE("letters: links lead to the product, and name tenant and token", "[mailing]") {
    auto mail = written(reset);
    CHECK(mail.to.address == "ada@example.org");
    CHECK(mail.to.name == "Ada");
    CHECK(mail.subject == "Choose a new password for Example");
    const std::string link = "https://app.example.com/x/reset-password?tenant=acme&token=a%2Bb%26c";
    CHECK(mail.text.find("\n" + link + "\n") != std::string::npos);
    CHECK(mail.text.find("for 1 hour") != std::string::npos);
    CHECK(mail.html.find(
              R"(href="https://app.example.com/x/reset-password?tenant=acme&amp;token=a%2Bb%26c")") !=
          std::string::npos);
    CHECK(mail.unsubscribe.empty());

    mail = written(R"({"to":"a@b.cd","mail":{"verification":{"token":"t","valid_minutes":2880}}})");
    CHECK(mail.text.find("/verify-email?tenant=acme&token=t\n") != std::string::npos);
    CHECK(mail.text.find("Hello,") != std::string::npos);
    mail = written(
        R"({"to":"a@b.cd","mail":{"invitation":{"inviter":"Bob","role":"admin","token":"t","valid_minutes":1}}})");
    CHECK(mail.subject == "You are invited to Acme Works on Example");
    CHECK(mail.text.find("/accept-invitation?tenant=acme&token=t\n") != std::string::npos);
    mail = written(
        R"({"to":"a@b.cd","mail":{"alert":{"title":"Done","detail":"It is.","at":"2026-01-31T09:30:59Z","page":"/exports/1"}}})");
    CHECK(mail.subject == "Done");
    CHECK(mail.text.find("When: 2026-01-31 09:30 UTC\n") != std::string::npos);
    CHECK(mail.text.find("https://app.example.com/x/exports/1?tenant=acme\n") != std::string::npos);
    CHECK(mail.unsubscribe == "https://app.example.com/x/settings/notifications?tenant=acme");
}

TEST_CASE("letters: a name that no header takes is left out of it", "[mailing]") {
    const auto to = [](const std::string& name) {
        return written(
                   fmt::format(
                       R"({{"to":"a@b.cd","name":"{}","mail":{{"reset":{{"token":"t","valid_minutes":1}}}}}})",
                       name))
            .to.name;
    };
    CHECK(to("Ada\\r\\nBcc: x@y.zz") == "Ada Bcc: x@y.zz");
    std::string wide;
    for (int i = 0; i < 150; ++i) wide += "ä";
    CHECK(to(wide).empty());
}

TEST_CASE("letters: links end when their time is up, alerts never", "[mailing]") {
    const auto asked = *parse_rfc3339("2026-01-31T09:30:00Z");
    CHECK(valid_until(read(reset), asked) == asked + 1h);
    CHECK_FALSE(valid_until(
        read(
            R"({"to":"a@b.cd","mail":{"alert":{"title":"t","detail":"d","at":"2026-01-31T09:30:00Z","page":"/"}}})"),
        asked));
}
