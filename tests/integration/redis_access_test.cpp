// SPDX-License-Identifier: Apache-2.0
// How the Redis client gets in: TLS and whom it trusts, users and their permissions, Unix sockets.
#include <filesystem>

#include "base/testing/certificates.hpp"
#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

/// A server that speaks TLS, with a certificate for the given subjects.
struct tls_server {
    temporary_directory folder;
    certificate_authority authority{folder.path()};
    certificate_files files;
    redis_server server;

    explicit tls_server(const std::string& subjects)
        : files(authority.sign(subjects)),
          server({"--tls-cert-file", files.certificate, "--tls-key-file", files.key, "--tls-ca-cert-file",
                  authority.ca_file(), "--tls-auth-clients", "no", "--requirepass", "hush"},
                 true) {}

    [[nodiscard]] redis_endpoint endpoint(std::string host = "localhost") const {
        return {.host = std::move(host),
                .port = server.tls_port(),
                .password = secret("hush"),
                .tls = true,
                .tls_ca_file = authority.ca_file()};
    }
};

/// Why the first attempt to connect failed.
std::string refusal_of(redis_endpoint endpoint, std::chrono::milliseconds patience = 30s) {
    redis_fixture f(std::move(endpoint), {.connect_timeout = patience});
    REQUIRE(f.run_until([&] { return !f.changes.empty(); }));
    CHECK_FALSE(f.client.connected());
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    return f.changes[0];
}

}  // namespace

TEST_CASE("redis tls: a trusted server is talked to, by name and by address", "[integration]") {
    tls_server s("DNS:localhost,IP:127.0.0.1");
    for (const auto* host : {"localhost", "127.0.0.1"}) {
        INFO(host);
        redis_fixture f(s.endpoint(host));
        REQUIRE(f.run_until_connected());
        const std::string large(3u << 20, 'x');
        std::vector<redis_fixture::answer> slots;
        for (int i = 0; i < 300; ++i) slots.push_back(f.begin({"PING", std::to_string(i)}));
        REQUIRE(f.ask({"SET", "bh:test:large", large}).has_value());
        for (std::size_t i = 0; i < slots.size(); ++i) CHECK((**slots[i])->text() == std::to_string(i));
        CHECK(f.ask({"GET", "bh:test:large"})->text() == large);
        CHECK(f.changes == std::vector<std::string>{"up: connected"});
    }
}

TEST_CASE("redis tls: a server that cannot be trusted is refused, and the reason said", "[integration]") {
    tls_server s("DNS:localhost");
    auto strange = s.endpoint();
    strange.tls_ca_file.clear();
    CHECK(refusal_of(std::move(strange)).starts_with("down: its certificate is not to be trusted: self"));
    CHECK(refusal_of(s.endpoint("127.0.0.1")) ==
          "down: its certificate is not to be trusted: IP address mismatch");

    tls_server elsewhere("DNS:elsewhere.example,IP:127.0.0.1");
    CHECK(refusal_of(elsewhere.endpoint()) ==
          "down: its certificate is not to be trusted: hostname mismatch");
    auto foreign = s.endpoint();
    foreign.tls_ca_file = elsewhere.authority.ca_file();
    CHECK(refusal_of(std::move(foreign)).starts_with("down: its certificate is not to be trusted: "));
}

TEST_CASE("redis tls: a port without TLS, and TLS without a port", "[integration]") {
    tls_server s("DNS:localhost");
    auto plain_port = s.endpoint();
    plain_port.port = s.server.port();
    CHECK(refusal_of(std::move(plain_port), 200ms) == "down: the server did not let us in in time: no TLS");
    auto plain_client = s.endpoint();
    plain_client.tls = false;
    CHECK(refusal_of(std::move(plain_client)).starts_with("down: the connection ended"));
}

TEST_CASE("redis tls: trust that was mended is used without a restart", "[integration]") {
    tls_server s("DNS:localhost");
    auto endpoint = s.endpoint();
    endpoint.tls_ca_file = s.folder.path() + "/later.pem";
    const auto later = endpoint.tls_ca_file;
    redis_fixture f(std::move(endpoint));
    REQUIRE(f.run_until([&] { return !f.changes.empty(); }));
    CHECK(f.changes[0].starts_with("down: the certificates in " + later + " cannot be used: No such file"));
    std::filesystem::copy_file(s.files.certificate, later);  // not the authority
    REQUIRE(f.run_until_changed("down: its certificate is not to be trusted: "));
    std::filesystem::copy_file(s.authority.ca_file(), later,
                               std::filesystem::copy_options::overwrite_existing);
    REQUIRE(f.run_until_connected());
}

TEST_CASE("redis tls: a server killed under load, and one that hangs", "[integration]") {
    tls_server s("DNS:localhost");
    redis_fixture f(s.endpoint());
    REQUIRE(f.run_until_connected());
    std::vector<redis_fixture::answer> slots;
    for (int i = 0; i < 20; ++i) slots.push_back(f.begin({"SET", "bh:test:x", std::string(200'000, 'x')}));
    f.run_for(1ms);
    s.server.kill();
    for (const auto& slot : slots) REQUIRE(f.run_until([&] { return slot->has_value(); }));
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    s.server.start();
    REQUIRE(f.run_until_connected());
    s.server.freeze();
    CHECK(f.ask({"PING"}, 100ms).error().code == errc::deadline_exceeded);
    s.server.thaw();
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis access: a user with a password, over a Unix socket too", "[integration]") {
    redis_server server(
        {"--user", "default", "off", "--user", "app", "on", ">hush", "~bh:*", "&*", "+@all", "-flushall"});
    auto tcp = server.endpoint();
    redis_endpoint file;
    file.unix_path = server.unix_path();
    for (auto* endpoint : {&tcp, &file}) {
        endpoint->user = "app";
        endpoint->password = secret("hush");
        endpoint->database = 5;
        redis_fixture f(*endpoint);
        REQUIRE(f.run_until_connected());
        CHECK(f.ask({"ACL", "WHOAMI"})->text() == "app");
        CHECK(f.ask({"SET", "bh:test:x", "1"}).has_value());
        CHECK(f.refusal({"FLUSHALL"}) == redis_error_kind::noperm);
        CHECK(f.refusal({"SET", "foreign", "1"}) == redis_error_kind::noperm);
        CHECK(f.ask({"SET", "foreign", "1"}).error().code == errc::unavailable);
        CHECK(f.client.connected());
    }
    tcp.password = secret("wrong");
    CHECK(refusal_of(tcp).starts_with("down: it refused us: WRONGPASS"));
    tcp.password = secret("");
    CHECK(refusal_of(tcp).starts_with("down: it refused us: NOAUTH"));
    file.unix_path += ".not";
    CHECK(refusal_of(file) == "down: it cannot be connected to: No such file or directory");
}
