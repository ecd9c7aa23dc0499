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
}
