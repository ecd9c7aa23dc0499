// SPDX-License-Identifier: Apache-2.0
// Mails as they arrive: a server takes them and Python's email package reads them back.
#include <set>

#include "mail/templates.hpp"
#include "mail_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

namespace {

/// Sends one mail and gives what arrived.
json::object arrived(mail::message what) {
    smtp_server server;
    mail_fixture f(target_of(server));
    const auto done = f.send(std::move(what));
    REQUIRE(done);
    CHECK(done->accepted);
    CHECK(done->reply == 250);
    CHECK(done->text == "250 2.0.0 queued as 42");
    auto seen = server.seen();
    REQUIRE(seen["mails"].as_array().size() == 1);
    return seen["mails"].as_array()[0].as_object();
}

void check_well_formed(json::object& mail) {
    CHECK(mail["defects"].as_array().empty());
    CHECK(mail["bare_line_ends"].to_number<int>() == 0);
    CHECK(mail["ascii"].as_bool());
    CHECK(mail["longest_line"].to_number<int>() <= 998);
    CHECK(text(mail["type"]) == "multipart/alternative");
    CHECK(mail["parts"] == json::array{"text/plain", "text/html"});
    CHECK(mail["encodings"] == json::array{"quoted-printable", "quoted-printable"});
}

}  // namespace

TEST_CASE("mail: a mail arrives as it was meant", "[integration]") {
    auto what = mail_fixture::sound("01890a5d-ac96-774b-bcce-b302099a8057");
    what.reply_to = {"", "help@example.com"};
    what.unsubscribe = "https://example.com/settings";
    auto mail = arrived(std::move(what));
    check_well_formed(mail);
    CHECK(text(mail["sender"]).starts_with("<no-reply@example.com>"));
    CHECK(mail["recipients"] == json::array{"<ada@example.org>"});
    CHECK(mail["from"] == json::array{json::array{"Example", "no-reply@example.com"}});
    CHECK(mail["to"] == json::array{json::array{"Ada", "ada@example.org"}});
    CHECK(text(mail["text"]) == "Hello\n");
    CHECK(text(mail["html"]) == "<p>Hello</p>\n");
    auto& headers = mail["headers"].as_object();
    CHECK(text(headers["subject"]) == "Hello");
    CHECK(text(headers["date"]) == "Sat, 31 Jan 2026 09:30:00 +0000");
    CHECK(text(headers["message-id"]) == "<01890a5d-ac96-774b-bcce-b302099a8057@example.com>");
    CHECK(text(headers["auto-submitted"]) == "auto-generated");
    CHECK(text(headers["reply-to"]) == "help@example.com");
    CHECK(text(headers["list-unsubscribe"]) == "<https://example.com/settings>");
    CHECK(text(headers["mime-version"]) == "1.0");
    std::set<std::string> once;
    for (const auto& name : mail["names"].as_array()) CHECK(once.insert(text(name)).second);
    CHECK(once.size() == 10);
}

TEST_CASE("mail: any language, any length, any line", "[integration]") {
    auto what = mail_fixture::sound();
    std::string subject;
    for (int i = 0; i < 15; ++i) subject += "Grüße \U0001F30D 你好 ";
    subject += "end";
    std::string hard =
        ".\n..\n.dot\nFrom me\n\ntrailing blank \ntrailing tab\t\n=3D = =\nGrüße \U0001F30D 你好\n"
        "a lone \x01 control\n";
    hard += std::string(5000, 'x') + "\n" + "é";
    for (int i = 0; i < 3000; ++i) hard += "é";
    hard += "\n.\nno end of line";
    what.to.name = "Çelik, \"Zoë\" (\U0001F30D)";
    what.subject = subject;
    what.text = hard;
    what.html = "<p>" + hard + "</p>";
    auto mail = arrived(std::move(what));
    check_well_formed(mail);
    CHECK(mail["longest_line"].to_number<int>() <= 86);  // that of Content-Type, which is libcurl's
    CHECK(text(mail["headers"].as_object()["subject"]) == subject);
    CHECK(mail["to"] == json::array{json::array{"Çelik, \"Zoë\" (\U0001F30D)", "ada@example.org"}});
    CHECK(text(mail["text"]) == hard);
    CHECK(text(mail["html"]) == "<p>" + hard + "</p>");
}

TEST_CASE("mail: line ends of any system become those of mails", "[integration]") {
    auto what = mail_fixture::sound();
    what.text = "one\r\ntwo\nthree\rfour\r\n\r\nfive\n";
    auto mail = arrived(std::move(what));
    check_well_formed(mail);
    CHECK(text(mail["text"]) == "one\ntwo\nthree\nfour\n\nfive\n");
}

TEST_CASE("mail: what would be more than a mail never reaches the server", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    auto what = mail_fixture::sound();
    what.subject = "x\r\nBcc: victim@example.net";
    const auto done = f.send(std::move(what));
    REQUIRE(done);
    CHECK_FALSE(done->accepted);
    CHECK(done->reply == 0);
    CHECK(server.seen()["connections"].to_number<int>() == 0);

    // An end of the message in its text is text.
    auto smuggled = mail_fixture::sound();
    smuggled.text = "a\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n";
    REQUIRE(f.send(std::move(smuggled)));
    auto seen = server.seen();
    REQUIRE(seen["mails"].as_array().size() == 1);
    CHECK(text(seen["mails"].as_array()[0].as_object()["text"]) ==
          "a\n.\nMAIL FROM:<evil@example.net>\nRCPT TO:<victim@example.net>\nDATA\n");
}

TEST_CASE("mail: templates arrive whole", "[integration]") {
    const auto home = *mail::link_base::parse("https://app.example.com");
    const mail::templates all({"Bülkhead", home});
    const auto page = home.at("/reset", {{"token", std::string(300, 'k')}});
    const auto filled = all.render(mail::password_reset{.name = "Zoë", .choose = page, .valid = 1h});
    auto what = mail_fixture::sound();
    what.subject = filled.subject;
    what.text = filled.text;
    what.html = filled.html;
    auto mail = arrived(std::move(what));
    check_well_formed(mail);
    CHECK(text(mail["text"]) == filled.text);
    CHECK(text(mail["html"]) == filled.html);
    CHECK(text(mail["headers"].as_object()["subject"]) == "Choose a new password for Bülkhead");
}

TEST_CASE("mail: a connection carries many mails, and names itself by the sender's domain", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    for (int i = 0; i < 5; ++i) REQUIRE(f.send(mail_fixture::sound("job-" + std::to_string(i))));
    auto seen = server.seen();
    CHECK(seen["mails"].as_array().size() == 5);
    CHECK(seen["connections"].to_number<int>() == 1);
    CHECK(text(seen["commands"].as_array()[0]) == "EHLO example.com");
}

TEST_CASE("mail: as many connections as the pool has threads", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server), 4);
    std::vector<std::future<result<mail::delivery>>> all;
    for (int i = 0; i < 40; ++i) all.push_back(f.begin(mail_fixture::sound("job-" + std::to_string(i)), 60s));
    for (auto& one : all) CHECK(one.get()->accepted);
    auto seen = server.seen();
    std::set<std::string> ids;
    for (auto& one : seen["mails"].as_array())
        ids.insert(text(one.as_object()["headers"].as_object()["message-id"]));
    CHECK(ids.size() == 40);
    CHECK(seen["connections"].to_number<int>() <= 4);
}

TEST_CASE("mail: without a server mails go to the log", "[integration]") {
    mail_fixture f(std::nullopt);
    const auto done = f.send();
    REQUIRE(done);
    CHECK(done->accepted);
    CHECK(done->reply == 0);
    CHECK(f.counts.render().find("bulkhead_mails_total{result=\"logged\"} 1") != std::string::npos);
}
