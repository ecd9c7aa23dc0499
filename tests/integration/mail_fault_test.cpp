// SPDX-License-Identifier: Apache-2.0
// Mail servers that refuse, wait and vanish: what is final, what is tried again, and how often a mail leaves.
#include "mail_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

namespace {

std::size_t mails(smtp_server& server) { return server.seen()["mails"].as_array().size(); }
int connections(smtp_server& server) { return server.seen()["connections"].to_number<int>(); }

bool counted(const mail_fixture& f, std::string_view result, int count) {
    const auto line = fmt::format("bulkhead_mails_total{{result=\"{}\"}} {}\n", result, count);
    return f.counts.render().find(line) != std::string::npos;
}

}  // namespace

TEST_CASE("mail faults: replies of class 5 about the mail are final, with the server's words",
          "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    int refused = 0;
    for (const auto* const stage : {"mail", "rcpt", "data", "message"}) {
        INFO(stage);
        server.reset();
        server.rule(stage,
                    "550-5.1.1 no such\r\n550 5.1.1 mail\x01"
                    "box");
        const auto done = f.send();
        REQUIRE(done);
        CHECK_FALSE(done->accepted);
        CHECK(done->reply == 550);
        CHECK(done->text == "550-5.1.1 no such 550 5.1.1 mail box");
        CHECK(mails(server) == 0);
        CHECK(counted(f, "refused", ++refused));
    }
}

TEST_CASE("mail faults: whom a server refuses stays out of what is told", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    server.rule("rcpt", "550 5.1.1 <ada@example.org>: nobody here");
    const auto done = f.send();
    REQUIRE(done);
    CHECK(done->text == "550 5.1.1 <***>: nobody here");
}

TEST_CASE("mail faults: of what a server says a line is kept", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    std::string words = "550 5.7.1 ";
    for (int i = 0; i < 200; ++i) words += "\u00e9";
    server.rule("rcpt", words + "x");
    const auto whole = f.send();
    REQUIRE(whole);
    CHECK(whole->text == "550 5.7.1 " + words.substr(10, 290));
    server.rule("rcpt", "550 5.7.1 -" + words);
    const auto split_character = f.send();
    REQUIRE(split_character);
    CHECK(split_character->text.size() == 300);
    CHECK(split_character->text.ends_with("???"));
}

TEST_CASE("mail faults: replies of class 4 are for later", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    for (const auto* const stage : {"greeting", "mail", "rcpt", "data", "message"}) {
        for (const auto* const reply : {"421 4.3.2 closing", "450 4.2.0 later", "451 4.7.1 greylisted"}) {
            INFO(stage << ' ' << reply);
            server.reset();
            server.rule(stage, reply);
            const auto done = f.send();
            REQUIRE(!done);
            CHECK(done.error().code == errc::unavailable);
            CHECK(done.error().detail ==
                  fmt::format("the mail server did not take it for now (reply {:.3})", reply));
            CHECK(mails(server) == 0);
        }
    }
    server.reset();
    CHECK(f.send());
    CHECK(counted(f, "failed", 15));
    CHECK(counted(f, "sent", 1));
}

TEST_CASE("mail faults: a server that refuses us, not the mail, is for later", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    for (const auto& [stage, reply] :
         {std::pair("greeting", "554 5.3.2 no service"), std::pair("mail", "530 5.7.0 log in")}) {
        INFO(stage);
        server.reset();
        server.rule(stage, reply);
        const auto done = f.send();
        REQUIRE(!done);
        CHECK(done.error().code == errc::unavailable);
    }
}

TEST_CASE("mail faults: connections that end or stay silent are for later, within the deadline",
          "[integration]") {
    smtp_server server;
    for (const auto* const stage : {"greeting", "ehlo", "mail", "rcpt", "data", "message"}) {
        INFO(stage);
        mail_fixture f(target_of(server));
        server.reset();
        server.rule(stage, "drop");
        const auto ended = f.send();
        REQUIRE(!ended);
        CHECK(ended.error().code == errc::unavailable);
        CHECK(ended.error().detail == "the mail server cannot be reached");

        server.reset();
        server.rule(stage, "silence");
        const auto begin = std::chrono::steady_clock::now();
        const auto late = f.send(mail_fixture::sound(), 1s);
        REQUIRE(!late);
        CHECK(late.error().code == errc::deadline_exceeded);
        CHECK(std::chrono::steady_clock::now() - begin < 20s);
        CHECK(mails(server) == 0);

        server.reset();
        CHECK(f.send(mail_fixture::sound(), 20s));
        CHECK(mails(server) == 1);
    }
    mail_fixture f(target_of(server));
    server.reset();
    server.rule("data", "drop inside");
    const auto inside = f.send();
    REQUIRE(!inside);
    CHECK(inside.error().code == errc::unavailable);
    CHECK(mails(server) == 0);
}

TEST_CASE("mail faults: patience with a slow server", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    server.rule("greeting", "slow");
    server.rule("message", "slow");
    CHECK(f.send());
    CHECK(mails(server) == 1);
}

TEST_CASE("mail faults: a reply that is lost costs a second copy with the same id", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    server.rule("message", "take and drop", 1);
    const auto lost = f.send();
    REQUIRE(!lost);
    CHECK(lost.error().code == errc::unavailable);
    CHECK(mails(server) == 1);  // not sent again by itself
    REQUIRE(f.send());
    auto seen = server.seen();
    REQUIRE(seen["mails"].as_array().size() == 2);
    auto& first = seen["mails"].as_array()[0].as_object()["headers"].as_object();
    auto& second = seen["mails"].as_array()[1].as_object()["headers"].as_object();
    CHECK(text(first["message-id"]) == text(second["message-id"]));
    CHECK(text(first["date"]) == text(second["date"]));
}

TEST_CASE("mail faults: a kept connection that is dead or dismissed is replaced, once", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    for (const auto* const reply : {"421 4.3.2 enough for one connection", "drop"}) {
        INFO(reply);
        server.reset();
        REQUIRE(f.send());
        server.rule("mail", reply, 1);
        REQUIRE(f.send());
        CHECK(mails(server) == 2);

        server.rule("mail", reply);
        CHECK(!f.send());
        CHECK(mails(server) == 2);
        server.reset();
    }
    REQUIRE(f.send());
    server.reset();
    server.rule("mail", "450 4.2.0 later");
    CHECK(!f.send());
    CHECK(connections(server) == 0);  // a decision about the mail is not asked for twice

    server.reset();
    for (const auto* const reply : {"421 4.7.0 too many mails", "take and drop"}) {
        INFO(reply);
        REQUIRE(f.send());
        server.reset();
        server.rule("message", reply, 1);
        CHECK(!f.send());
        CHECK(connections(server) == 0);  // nor is a mail sent twice by itself
        server.reset();
    }
}

TEST_CASE("mail faults: nobody there", "[integration]") {
    std::uint16_t port = 0;
    {
        const smtp_server gone;
        port = gone.port();
    }
    mail_fixture f(mail::smtp_target{.host = "127.0.0.1", .port = port, .protect = mail::encryption::none});
    const auto done = f.send();
    REQUIRE(!done);
    CHECK(done.error().code == errc::unavailable);
    CHECK(done.error().detail == "the mail server cannot be reached");
    const auto late = f.send(mail_fixture::sound(), 0ms);
    REQUIRE(!late);
    CHECK(late.error().code == errc::deadline_exceeded);
}

TEST_CASE("mail faults: stopping cuts what has not begun, and what waits", "[integration]") {
    smtp_server server;
    mail_fixture f(target_of(server));
    server.rule("rcpt", "silence");
    auto waiting = f.begin(mail_fixture::sound(), 60s);
    while (server.seen()["commands"].as_array().size() < 3) std::this_thread::yield();
    f.sender.stop();
    REQUIRE(waiting.wait_for(20s) == std::future_status::ready);
    const auto cut = waiting.get();
    REQUIRE(!cut);
    CHECK(cut.error().code == errc::unavailable);
    CHECK(cut.error().detail == "the program is stopping");
    CHECK(!f.send());
}

TEST_CASE("mail faults: a server that does not say goodbye keeps nobody", "[integration]") {
    smtp_server server;
    const auto begin = std::chrono::steady_clock::now();
    {
        mail_fixture f(target_of(server));
        REQUIRE(f.send());
        server.rule("quit", "silence");
    }
    CHECK(std::chrono::steady_clock::now() - begin < 20s);
}
