// SPDX-License-Identifier: Apache-2.0
#include "service/from_settings.hpp"

#include "base/testing/catch.hpp"
#include "config/load.hpp"

using namespace bulkhead;

namespace {

redis::redis_endpoint target(config::environment_variables variables) {
    variables.emplace("DATABASE_URL", "postgresql://app:pw@db.example/bulkhead");
    const auto read = config::load(config::program::worker, variables);
    REQUIRE(read);
    return service::redis_target(read->values);
}

}  // namespace

TEST_CASE("settings: all of REDIS_URL reaches the client", "[service]") {
    const auto tls = target({{"REDIS_URL", "rediss://app:p%40ss@cache.example:6380/2"},
                             {"REDIS_TLS_CA_FILE", "/etc/ssl/redis.pem"}});
    CHECK(tls.host == "cache.example");
    CHECK(tls.port == 6380);
    CHECK(tls.user == "app");
    CHECK(tls.password.reveal() == "p@ss");
    CHECK(tls.database == 2);
    CHECK(tls.tls);
    CHECK(tls.tls_ca_file == "/etc/ssl/redis.pem");
    CHECK(tls.unix_path.empty());

    const auto plain = target({{"REDIS_URL", "redis://:pw@cache.example"}});
    CHECK_FALSE(plain.tls);
    CHECK(plain.tls_ca_file.empty());

    const auto socket = target({{"REDIS_URL", "unix://:pw@/run/redis/redis.sock?db=3"}});
    CHECK(socket.unix_path == "/run/redis/redis.sock");
    CHECK(socket.database == 3);
    CHECK_FALSE(socket.tls);

    const auto watched = target({{"REDIS_URL",
                                  "rediss+sentinel://app:pw@s1,s2:5000/main/2?sentinel_user=w"
                                  "&sentinel_password=other"}});
    CHECK(watched.by_sentinel());
    CHECK_FALSE(watched.is_cluster());
    CHECK(watched.seeds == std::vector<redis::redis_address>{{"s1", 26379}, {"s2", 5000}});
    CHECK(watched.service == "main");
    CHECK(watched.sentinel_user == "w");
    CHECK(watched.sentinel_password.reveal() == "other");
    CHECK(watched.password.reveal() == "pw");
    CHECK(watched.database == 2);
    CHECK(watched.tls);

    const auto cluster = target({{"REDIS_URL", "redis+cluster://:pw@n1,n2:7000"}});
    CHECK(cluster.is_cluster());
    CHECK(cluster.seeds == std::vector<redis::redis_address>{{"n1", 6379}, {"n2", 7000}});
    CHECK(cluster.password.reveal() == "pw");
}

namespace {

mail::sender_options mails(config::environment_variables variables) {
    variables.emplace("DATABASE_URL", "postgresql://app:pw@localhost/bulkhead");
    variables.emplace("REDIS_URL", "redis://localhost");
    variables.emplace("DATA_KEY", "kqv2yTq0mN8w3rXzL5pB1cJ7hF9dS4gAeU6iO2nVbMk=");
    const auto read = config::load(config::program::worker, variables);
    REQUIRE(read);
    return service::mail_options(read->values);
}

}  // namespace

TEST_CASE("settings: all of SMTP_URL reaches the sender", "[service]") {
    const auto set = mails({{"SMTP_URL", "smtp://app:p%40ss@mail.example.com"},
                            {"SMTP_CA_FILE", "/etc/ssl/mail.pem"},
                            {"MAIL_FROM", "Example <a@example.com>"}});
    CHECK_FALSE(mail::problem_of(set));
    REQUIRE(set.server);
    CHECK(set.server->host == "mail.example.com");
    CHECK(set.server->port == 587);
    CHECK(set.server->user == "app");
    CHECK(set.server->password.reveal() == "p@ss");
    CHECK(set.server->protect == mail::encryption::required);
    CHECK(set.server->ca_file == "/etc/ssl/mail.pem");
    CHECK(set.from.name == "Example");
    CHECK(set.from.address == "a@example.com");
    using mail::encryption;
    for (const auto& [url, protect] :
         {std::pair("smtp://h", encryption::if_offered), std::pair("smtp://localhost", encryption::none),
          std::pair("smtps://h", encryption::from_start)})
        CHECK(mails({{"SMTP_URL", url}, {"MAIL_FROM", "a@example.com"}}).server->protect == protect);
}

TEST_CASE("settings: mails know the product and its pages", "[service]") {
    config::settings set;
    set.app_name = "Example";
    set.app_url = "https://[::1]:8443/a~b";
    const auto whose = service::mail_brand(set);
    CHECK(whose.product == "Example");
    CHECK(whose.home.at("/x").str() == "https://[::1]:8443/a~b/x");
    set.app_url.clear();
    CHECK_THROWS_AS(service::mail_brand(set), std::runtime_error);
}

TEST_CASE("settings: without SMTP_URL development logs mails, production has a problem", "[service]") {
    for (const auto* const near : {"development", "test"}) {
        const auto set = mails({{"ENVIRONMENT", near}});
        CHECK(set.to_log);
        CHECK_FALSE(mail::problem_of(set));
    }
    for (const auto* const far : {"staging", "production"}) {
        const auto set = mails({{"ENVIRONMENT", far}});
        REQUIRE(mail::problem_of(set));
        CHECK(mail::problem_of(set)->find("SMTP_URL") != std::string::npos);
    }
}
