// SPDX-License-Identifier: Apache-2.0
#include "base/testing/catch.hpp"
#include "config/database_url.hpp"
#include "config/redis_url.hpp"
#include "config/url_parts.hpp"

using namespace bulkhead;
using namespace bulkhead::config;

TEST_CASE("redis url: hosts, ports, databases, TLS", "[config]") {
    struct sample {
        const char *url, *host;
        unsigned port;
        const char *user, *password;
        int database;
        bool tls;
    };
    const sample samples[] = {{"redis://localhost", "localhost", 6379, "", "", 0, false},
                              {"redis://localhost/", "localhost", 6379, "", "", 0, false},
                              {"redis://:pw@h:7000/3", "h", 7000, "", "pw", 3, false},
                              {"redis://user:p%40%2f@h:1", "h", 1, "user", "p@/", 0, false},
                              {"redis://:a:b@h", "h", 6379, "", "a:b", 0, false},
                              {"redis://:a@b@h", "h", 6379, "", "a@b", 0, false},
                              {"REDISS://[::1]:6380/15", "::1", 6380, "", "", 15, true},
                              {"redis://h?db=4", "h", 6379, "", "", 4, false}};
    for (const auto& one : samples) {
        INFO(one.url);
        const auto at = parse_redis_url(one.url);
        REQUIRE(at);
        CHECK(at->host == one.host);
        CHECK(at->port == one.port);
        CHECK(at->user == one.user);
        CHECK(at->password.reveal() == one.password);
        CHECK(at->database == one.database);
        CHECK(at->tls == one.tls);
        CHECK(at->unix_path.empty());
    }
}

TEST_CASE("redis url: sockets", "[config]") {
    const auto at = parse_redis_url("unix://u:pw@/run/my%20redis.sock?db=2");
    REQUIRE(at);
    CHECK(at->unix_path == "/run/my redis.sock");
    CHECK(at->host.empty());
    CHECK(at->port == 0);
    CHECK(at->user == "u");
    CHECK(at->password.reveal() == "pw");
    CHECK(at->database == 2);
    CHECK(parse_redis_url("unix:///" + std::string(106, 'x')));
    CHECK(!parse_redis_url("unix:///" + std::string(107, 'x')));
}

TEST_CASE("redis url: sentinels and clusters", "[config]") {
    using hosts = std::vector<std::pair<std::string, std::uint16_t>>;
    const auto watched =
        parse_redis_url("redis+sentinel://u:p%40@s1,s2:5000,[::1]:1/my%20main/3?sentinel_password=x%26y");
    REQUIRE(watched);
    CHECK(watched->seeds == hosts{{"s1", 26379}, {"s2", 5000}, {"::1", 1}});
    CHECK(watched->service == "my main");
    CHECK(watched->database == 3);
    CHECK(watched->user == "u");
    CHECK(watched->password.reveal() == "p@");
    CHECK(watched->sentinel_user.empty());
    CHECK(watched->sentinel_password.reveal() == "x&y");
    CHECK(watched->host.empty());
    CHECK_FALSE(watched->tls);
    for (const auto* const url : {"rediss+sentinel://s1/main", "Rediss+Sentinel://s1/main/"}) {
        const auto plain = parse_redis_url(url);
        REQUIRE(plain);
        CHECK(plain->tls);
        CHECK(plain->service == "main");
        CHECK(plain->database == 0);
    }
    for (const auto* const url : {"rediss+cluster://:pw@a:7000,b", "rediss+cluster://:pw@a:7000,b/0"}) {
        const auto cluster = parse_redis_url(url);
        REQUIRE(cluster);
        CHECK(cluster->tls);
        CHECK(cluster->service.empty());
        CHECK(cluster->seeds == hosts{{"a", 7000}, {"b", 6379}});
        CHECK(cluster->password.reveal() == "pw");
    }
}

TEST_CASE("redis url: what is wrong with sentinels and clusters is said", "[config]") {
    const auto complaint = [](const std::string& url) {
        const auto at = parse_redis_url(url);
        REQUIRE_FALSE(at);
        CHECK(at.error().detail.find("secretpw") == std::string::npos);
        return at.error().detail;
    };
    for (const auto* const url : {"redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a//0"})
        CHECK(complaint(url).find("name of the primary is needed") != std::string::npos);
    for (const auto* const url : {"redis+sentinel:///main", "redis+sentinel://a,/main", "redis+cluster://",
                                  "redis+cluster://a,,b", "redis+cluster://a:,b", "redis+cluster://[::1"})
        CHECK(complaint(url).find("hosts are needed") != std::string::npos);
    CHECK(complaint("redis+cluster://a:0").find("port must be") != std::string::npos);
    CHECK(complaint("redis+cluster://a/1").find("only database 0") != std::string::npos);
    CHECK(complaint("redis+cluster://a?db=1").find("no parameters") != std::string::npos);
    CHECK(complaint("redis+sentinel://a/main/x").find("database must be") != std::string::npos);
    CHECK(complaint("redis+sentinel://a/main?db=1").find("only parameters known") != std::string::npos);
    CHECK(complaint("redis+sentinel://a/main?sentinel_user=x").find("needs a sentinel_password") !=
          std::string::npos);
    CHECK(complaint("redis+sentinel://a/m?sentinel_password=secretpw&sentinel_password=x").find("twice") !=
          std::string::npos);
    CHECK(complaint("redis+sentinel://a/m?sentinel_password=secretpw%4").find("escape") != std::string::npos);
    std::string many = "redis+cluster://a";
    for (int i = 0; i < 32; ++i) many += ",a";
    CHECK(complaint(many).find("at most 32") != std::string::npos);
    CHECK(complaint("redis+other://a").find("redis+cluster://") != std::string::npos);
}

TEST_CASE("redis url: refuses what it does not understand, without repeating it", "[config]") {
    for (const auto* const url : {"",
                                  "localhost:6379",
                                  "http://h",
                                  "redis:",
                                  "redis://",
                                  "redis://:secretpw@",
                                  "redis://h:",
                                  "redis://h:0",
                                  "redis://h:65536",
                                  "redis://h:6379x",
                                  "redis://h/x",
                                  "redis://h/-1",
                                  "redis://h/1/2",
                                  "redis://h/99999999999",
                                  "redis://h/1?db=2",
                                  "redis://h?db=1&db=2",
                                  "redis://h?ssl=true",
                                  "redis://:secretpw%4@h",
                                  "redis://:secretpw%00@h",
                                  "redis://user@h",
                                  "redis://::1",
                                  "redis://[::1",
                                  "redis://[h]",
                                  "redis://a,b",
                                  "redis://h h",
                                  "redis://h\n",
                                  "redis://h#1",
                                  "unix://",
                                  "unix:///",
                                  "unix://host/path",
                                  "unix:///x%",
                                  "redis://h\\x",
                                  "://h"}) {
        INFO(url);
        const auto at = parse_redis_url(url);
        REQUIRE(!at);
        CHECK(at.error().code == errc::validation_failed);
        CHECK(at.error().detail.find("secretpw") == std::string::npos);
    }
}

TEST_CASE("database url: other stacks' spellings", "[config]") {
    const auto normal = [](std::string_view url) {
        const auto read = parse_database_url(url);
        return read ? std::string(read->url.reveal()) : "refused: " + read.error().detail;
    };
    CHECK(normal("postgres://u:p@h:5432/d") == "postgresql://u:p@h:5432/d");
    CHECK(normal("postgresql+asyncpg://u:p%40@h/d?ssl=verify-full&application_name=x") ==
          "postgresql://u:p%40@h/d?sslmode=verify-full&application_name=x");
    CHECK(normal("postgresql://h/d?ssl=true") == "postgresql://h/d?sslmode=require");
    CHECK(normal("postgresql:///d?host=/run/pg") == "postgresql:///d?host=/run/pg");
    CHECK(normal("postgresql://a:1,[::1]:2/d") == "postgresql://a:1,[::1]:2/d");
    CHECK(normal("postgresql://h?dbname=d") == "postgresql://h?dbname=d");
}

TEST_CASE("database url: refused", "[config]") {
    for (const auto* const url :
         {"", "host=localhost dbname=x", "mysql://h/d", "postgresqlx://h/d", "postgresql://h",
          "postgresql://h/", "postgresql://u:hunter22@x@h/d", "postgresql://u:hunter22%@h/d",
          "postgresql://h:0/d", "postgresql://h:x/d", "postgresql://h:99999/d",
          "postgresql://h/d?sslmode=maybe", "postgresql://h/d?ssl=1", "postgresql://[::1/d",
          "postgresql://h/d e", "postgresql://h/d#x", "postgresql://h/d?x=%zz"}) {
        INFO(url);
        const auto read = parse_database_url(url);
        REQUIRE(!read);
        CHECK(read.error().detail.find("hunter22") == std::string::npos);
    }
}

TEST_CASE("mask_url: hides passwords wherever they stand", "[config]") {
    CHECK(mask_url("redis://:pw@h") == "redis://:***[2 chars]***@h");
    CHECK(mask_url("postgresql://u@h/d") == "postgresql://u@h/d");
    CHECK(mask_url("postgresql://u:a:b@c@h/d?x=1") == "postgresql://u:***[5 chars]***@h/d?x=1");
    CHECK(mask_url("postgresql://h/d?password=pw&sslPassword=longer&a=b") ==
          "postgresql://h/d?password=***[2 chars]***&sslPassword=***[6 chars]***&a=b");
    CHECK(mask_url("redis+sentinel://:pw@a,b/main?sentinel_password=other") ==
          "redis+sentinel://:***[2 chars]***@a,b/main?sentinel_password=***[5 chars]***");
    CHECK(mask_url("u:pw@h") == "***[6 chars]***");
}
