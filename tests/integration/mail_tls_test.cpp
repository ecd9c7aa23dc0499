// SPDX-License-Identifier: Apache-2.0
// Logins and protected connections to a mail server.
#include "base/testing/certificates.hpp"
#include "mail_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::testing;
using mail::encryption;

namespace {

constexpr auto user = "app@example.com", password = "s3cret pass:word";

struct place {
    temporary_folder folder;
    certificate_authority authority{folder.path()};
    certificate_files files = authority.sign("IP:127.0.0.1");

    std::vector<std::string> with_tls(std::vector<std::string> more = {}) {
        more.insert(more.end(), {"--certificate", files.certificate, "--key", files.key});
        return more;
    }
    mail::smtp_target target(const smtp_server& server, encryption protect) {
        auto out = target_of(server, protect);
        out.ca_file = authority.ca_file();
        return out;
    }
};

mail::smtp_target with_login(mail::smtp_target target, const char* word = password) {
    target.user = user;
    target.password = secret(word);
    return target;
}

bool arrived_encrypted(smtp_server& server) {
    auto seen = server.seen();
    REQUIRE(seen["mails"].as_array().size() == 1);
    return seen["mails"].as_array()[0].as_object()["encrypted"].as_bool();
}

void check_no_protection(mail::smtp_target target, smtp_server& server) {
    mail_fixture f(std::move(target));
    const auto done = f.send();
    REQUIRE(!done);
    CHECK(done.error().code == errc::unavailable);
    CHECK(done.error().detail == "no protected connection to the mail server");
    CHECK(server.seen()["mails"].as_array().empty());
    auto seen = server.seen();
    for (const auto& command : seen["commands"].as_array()) {
        CHECK(!text(command).starts_with("AUTH"));
        CHECK(!text(command).starts_with("MAIL"));
    }
}

}  // namespace

TEST_CASE("mail tls: STARTTLS, and TLS from the start, with a login", "[integration]") {
    place p;
    const std::vector<std::string> login{"--user", user, "--password", password};
    smtp_server upgraded(p.with_tls(login));
    mail_fixture first(with_login(p.target(upgraded, encryption::required)));
    for (int i = 0; i < 2; ++i) REQUIRE(first.send().value().accepted);
    auto seen = upgraded.seen();
    CHECK(seen["connections"].to_number<int>() == 1);
    for (const auto& mail : seen["mails"].as_array()) CHECK(mail.at("encrypted").as_bool());

    auto arguments = p.with_tls(login);
    arguments.emplace_back("--implicit-tls");
    smtp_server wrapped(arguments);
    mail_fixture second(with_login(p.target(wrapped, encryption::from_start)));
    REQUIRE(second.send().value().accepted);
    CHECK(arrived_encrypted(wrapped));
}

TEST_CASE("mail tls: without the protection that is required nothing is said", "[integration]") {
    place p;
    smtp_server plain({"--user", user, "--password", password});
    check_no_protection(with_login(p.target(plain, encryption::required)), plain);

    smtp_server denied(p.with_tls());
    denied.rule("starttls", "454 4.7.0 not now");
    check_no_protection(p.target(denied, encryption::required), denied);
}

TEST_CASE("mail tls: a certificate must be trusted, and for the host", "[integration]") {
    place p;
    smtp_server stranger(p.with_tls());
    for (const auto protect : {encryption::required, encryption::if_offered})
        check_no_protection(target_of(stranger, protect),
                            stranger);  // the system does not know our authority

    const auto other = p.authority.sign("DNS:mail.example.com");
    smtp_server misnamed({"--certificate", other.certificate, "--key", other.key});
    check_no_protection(p.target(misnamed, encryption::required), misnamed);
}

TEST_CASE("mail tls: when offered, and when not", "[integration]") {
    place p;
    smtp_server with(p.with_tls());
    smtp_server without;
    mail_fixture first(p.target(with, encryption::if_offered));
    REQUIRE(first.send());
    CHECK(arrived_encrypted(with));
    mail_fixture second(p.target(without, encryption::if_offered));
    REQUIRE(second.send());
    CHECK(!arrived_encrypted(without));
    mail_fixture third(p.target(with, encryption::none));
    with.reset();
    REQUIRE(third.send());
    CHECK(!arrived_encrypted(with));
}

TEST_CASE("mail: a login that is refused is for later, and tells nobody the password", "[integration]") {
    smtp_server server({"--user", user, "--password", password});
    mail_fixture right(with_login(target_of(server)));
    REQUIRE(right.send());

    mail_fixture wrong(with_login(target_of(server), "another"));
    server.rule("auth", "535 5.7.8 not with another");
    const auto refused = wrong.send();
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::unavailable);
    CHECK(refused.error().detail == "the mail server refused our login (reply 535)");

    mail_fixture nobody(target_of(server));
    const auto unknown = nobody.send();
    REQUIRE(!unknown);
    CHECK(unknown.error().detail == "the mail server did not take it for now (reply 530)");
}
