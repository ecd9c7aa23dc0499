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
    CHECK(mask_url("u:pw@h") == "***[6 chars]***");
}
