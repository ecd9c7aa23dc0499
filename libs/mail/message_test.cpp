// SPDX-License-Identifier: Apache-2.0
#include "mail/message.hpp"

#include <algorithm>
#include <functional>

#include "base/testing/catch.hpp"
#include "mail/sender.hpp"

using namespace bulkhead;
using namespace bulkhead::mail;

namespace {

message sound() {
    return {.from = {"Example", "no-reply@example.com"},
            .to = {"Ada", "ada@example.org"},
            .subject = "Hello",
            .text = "Hello\n",
            .html = "<p>Hello</p>\n",
            .id = "01890a5d-ac96-774b-bcce-b302099a8057",
            .date = *parse_rfc3339("2026-01-31T09:30:00Z")};
}

}  // namespace

TEST_CASE("message: its header", "[mail]") {
    auto mail = sound();
    mail.reply_to = {"", "help@example.com"};
    mail.unsubscribe = "https://example.com/settings?a=b";
    REQUIRE(check(mail));
    CHECK(header_lines(mail) ==
          std::vector<std::string>{"From: Example\r\n <no-reply@example.com>",
                                   "To: Ada\r\n <ada@example.org>", "Subject: Hello",
                                   "Date: Sat, 31 Jan 2026 09:30:00 +0000",
                                   "Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057@example.com>",
                                   "Auto-Submitted: auto-generated", "Reply-To: help@example.com",
                                   "List-Unsubscribe: <https://example.com/settings?a=b>"});
    CHECK(header_lines(sound()).size() == 6);
}

TEST_CASE("message: whatever could be more than it says is refused, and not repeated", "[mail]") {
    const std::string evil = "x\r\nBcc: victim@example.net";
    const std::vector<std::function<void(message&)>> spoils{
        [&](message& m) { m.subject = evil; },
        [&](message& m) { m.to.name = evil; },
        [&](message& m) { m.from.name = evil; },
        [&](message& m) {
            m.reply_to = {evil, "a@example.com"};
        },
        [&](message& m) {
            m.reply_to = {"", evil};
        },
        [&](message& m) { m.id = evil; },
        [&](message& m) { m.unsubscribe = "https://" + evil; },
        [&](message& m) { m.to.address += "\r\nRCPT TO:<victim@example.net>"; },
        [](message& m) { m.to.address = "a@example.com> BODY=8BITMIME"; },
        [](message& m) { m.to.address = "a@example.com,victim@example.net"; },
        [](message& m) { m.to.address = ""; },
        [](message& m) { m.from.address = "nobody"; },
        [](message& m) { m.unsubscribe = "https://example.com/>, <mailto:victim@example.net"; },
        [](message& m) { m.unsubscribe = "javascript:alert(1)"; },
        [](message& m) { m.id = ""; },
        [](message& m) { m.subject = ""; },
        [](message& m) { m.subject = std::string(longest_subject + 1, 'x'); },
        [](message& m) { m.to.name = std::string(longest_name + 1, 'x'); },
        [](message& m) { m.to.name = "\xff"; },
        [](message& m) { m.text = ""; },
        [](message& m) { m.html = ""; },
        [](message& m) { m.text = std::string("a\0b", 3); },
        [](message& m) { m.html = "\xc3"; },
        [](message& m) { m.text = std::string(longest_body + 1, 'x'); },
    };
    REQUIRE(check(sound()));
    for (std::size_t i = 0; i < spoils.size(); ++i) {
        INFO(i);
        auto mail = sound();
        spoils[i](mail);
        const auto ok = check(mail);
        REQUIRE(!ok);
        CHECK(ok.error().code == errc::validation_failed);
        CHECK(ok.error().detail.find("victim") == std::string::npos);
    }
}

TEST_CASE("message: an address outside ASCII says why", "[mail]") {
    auto mail = sound();
    mail.to.address = "ädä@example.com";
    const auto ok = check(mail);
    REQUIRE(!ok);
    CHECK(ok.error().detail ==
          "the mail's recipient has an address outside ASCII (SMTPUTF8), which is not supported");
}

TEST_CASE("sender: a program without a mail server knows what is missing", "[mail]") {
    sender_options options;
    REQUIRE(problem_of(options));
    CHECK(problem_of(options)->find("SMTP_URL") != std::string::npos);
    options.to_log = true;
    REQUIRE(problem_of(options));
    CHECK(problem_of(options)->find("MAIL_FROM") != std::string::npos);
    options.from.address = "a@example.com";
    CHECK(!problem_of(options));
    runtime::blocking_pool pool("mail", 1, 1);
    metrics::registry counts;
    CHECK_THROWS_AS(sender({}, pool, counts), std::runtime_error);
}
