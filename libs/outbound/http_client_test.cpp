// SPDX-License-Identifier: Apache-2.0
#include "outbound/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdlib>
#include <future>

#include "base/testing/catch.hpp"
#include "outbound/testing/hook_server.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::outbound;
using namespace std::chrono_literals;
using bulkhead::testing::hook_server;

namespace {

constexpr auto ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

target_rules loopback_rules(std::string_view network = "127.0.0.0/8") {
    return {.plain_http = true, .addresses = {{ip_network::parse(network).value()}}};
}

/// Names of tests: "hook.test" is not known to any other resolver.
resolver always(std::string_view address) {
    return [each = ip_address::parse(address).value()](const std::string&) { return std::vector{each}; };
}

struct fixture {
    metrics::registry registry;
    runtime::blocking_pool threads;
    http_client client;
    runtime::reactor reactor{"test"};

    explicit fixture(http_client_settings settings = {.rules = loopback_rules(),
                                                      .resolve = always("127.0.0.1")},
                     std::size_t count = 2, std::size_t queue = 8)
        : threads("outbound", count, queue), client(threads, registry, std::move(settings)) {
        reactor.start();
    }
    ~fixture() {
        client.stop_by(http_client::clock::now());
        threads.stop();
    }

    std::future<result<http_outcome>> begin(http_request request, std::chrono::milliseconds patience = 30s) {
        return net::co_spawn(reactor.get_executor(),
                             client.post(std::move(request), runtime::deadline::in(patience)),
                             net::use_future);
    }
    http_outcome post(http_request request, std::chrono::milliseconds patience = 30s) {
        auto done = begin(std::move(request), patience).get();
        REQUIRE(done);
        return *std::move(done);
    }
    [[nodiscard]] bool shows(std::string_view line) const {
        return registry.render().find(line) != std::string::npos;
    }
};

http_request to(const hook_server& server, std::string host = "hook.test") {
    return {.url = "http://" + std::move(host) + ":" + server.port() + "/in?a=1",
            .headers = {{"Content-Type", "application/json"}, {"webhook-id", "msg_1"}},
            .body = "{\"a\":1}"};
}

struct variable {  // of the environment, for one test
    explicit variable(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    ~variable() { ::unsetenv(name_); }
    variable(const variable&) = delete;
    variable& operator=(const variable&) = delete;

private:
    const char* name_;
};

}  // namespace

TEST_CASE("http client: nobody is told to wait for longer than a day", "[outbound]") {
    hook_server server("HTTP/1.1 503 Busy\r\nRetry-After: 9000000000000000\r\nContent-Length: 0\r\n\r\n");
    fixture f;
    CHECK(f.post(to(server)).retry_after == 24h);
}

TEST_CASE("http client: what is sent and what comes back", "[outbound]") {
    hook_server server(
        "HTTP/1.1 429 Slow down\r\nRetry-After: 17\r\nContent-Type: text/plain\r\n"
        "Set-Cookie: a=b\r\nContent-Length: 5\r\n\r\nwait!");
    fixture f;
    const auto out = f.post(to(server));
    CHECK(out.how == ending::answered);
    CHECK(out.status == 429);
    CHECK_FALSE(out.succeeded());
    CHECK(out.retry_after == 17s);
    CHECK(out.content_type == "text/plain");
    CHECK(out.body == "wait!");
    CHECK_FALSE(out.body_cut);
    (void)f.post(to(server));
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    const auto& sent = requests[1];
    CHECK(sent.starts_with("POST /in?a=1 HTTP/1.1\r\n"));
    CHECK(sent.find("\r\nHost: hook.test:" + server.port() + "\r\n") != std::string::npos);
    CHECK(sent.find("\r\nUser-Agent: Bulkhead/") != std::string::npos);
    CHECK(sent.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(sent.find("\r\nwebhook-id: msg_1\r\n") != std::string::npos);
    CHECK(sent.find("\r\nContent-Length: 7\r\n") != std::string::npos);
    CHECK(sent.ends_with("\r\n\r\n{\"a\":1}"));
    CHECK(sent.find("Cookie") == std::string::npos);
    CHECK(sent.find("Expect") == std::string::npos);
    CHECK(server.connections() == 2);  // nothing is kept between calls
    CHECK(f.shows("bulkhead_outbound_requests_total{ending=\"answered\"} 2"));
}

TEST_CASE("http client: a redirection is an answer", "[outbound]") {
    hook_server elsewhere(ok);
    hook_server server("HTTP/1.1 307 Over there\r\nLocation: http://127.0.0.1:" + elsewhere.port() +
                       "/\r\nContent-Length: 0\r\n\r\n");
    fixture f;
    const auto out = f.post(to(server));
    CHECK(out.status == 307);
    CHECK(out.location == "http://127.0.0.1:" + elsewhere.port() + "/");
    CHECK(elsewhere.connections() == 0);
}

TEST_CASE("http client: proxies of the environment are not asked", "[outbound]") {
    hook_server proxy(ok), server(ok);
    const variable http("http_proxy", "http://127.0.0.1:" + proxy.port()),
        all("ALL_PROXY", "http://127.0.0.1:" + proxy.port());
    fixture f;
    CHECK(f.post(to(server)).succeeded());
    CHECK(proxy.connections() == 0);
}

TEST_CASE("http client: of a long answer the beginning is kept", "[outbound]") {
    hook_server server(
        [](std::string& piece) {
            return piece.empty() ? (piece = "HTTP/1.1 200 OK\r\n\r\n", true)
                                 : (piece.assign(4000, 'x'), true);
        },
        "127.0.0.1", {});
    fixture f;
    const auto out = f.post(to(server));
    CHECK(out.succeeded());
    CHECK(out.body_cut);
    CHECK(out.body == std::string(16 * 1024, 'x'));
}

TEST_CASE("http client: endless headers, half answers and other protocols", "[outbound]") {
    fixture f;
    hook_server endless(
        [](std::string& piece) {
            return piece.empty() ? (piece = "HTTP/1.1 200 OK\r\n", true)
                                 : (piece = "A: " + std::string(997, 'a') + "\r\n", true);
        },
        "127.0.0.1", {});
    CHECK(f.post(to(endless)).how == ending::broken);
    for (const auto* const reply :
         {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "SSH-2.0-OpenSSH_9\r\n", "HTTP/1.1 200"}) {
        CAPTURE(reply);
        const std::string text = reply;
        hook_server server(hook_server::once(text.empty() ? "\r\n" : text), "127.0.0.1", {});
        const auto out = f.post(to(server));
        CHECK(out.how == ending::broken);
        CHECK(out.status == 0);
    }
}

TEST_CASE("http client: who is not there, and names without addresses", "[outbound]") {
    fixture f;
    std::string port;
    { port = hook_server(ok).port(); }
    CHECK(f.post({.url = "http://hook.test:" + port + "/"}).how == ending::unreachable);
    fixture nameless(
        {.rules = loopback_rules(), .resolve = [](const std::string&) { return std::vector<ip_address>{}; }});
    CHECK(nameless.post({.url = "http://hook.test/"}).how == ending::unresolved);
}

TEST_CASE("http client: silence ends with the time of the caller or of the settings", "[outbound]") {
    hook_server silent(
        [](std::string& piece) {
            piece.clear();
            return false;
        },
        "127.0.0.1", {});
    fixture f;
    CHECK(f.post(to(silent), 300ms).how == ending::timed_out);
    fixture hasty({.rules = loopback_rules(), .limits = {.whole = 200ms}, .resolve = always("127.0.0.1")});
    CHECK(hasty.post(to(silent)).how == ending::timed_out);
    CHECK(f.begin(to(silent), 0ms).get().error().code == errc::unavailable);
}

TEST_CASE("http client: who waits for a slow name server is back in time", "[outbound]") {
    std::promise<void> answer;
    const auto slow = [&, said = answer.get_future().share()](const std::string&) {
        said.wait();
        return std::vector{ip_address::parse("127.0.0.1").value()};
    };
    hook_server server(ok);
    fixture f({.rules = loopback_rules(), .resolve = slow}, 1, 1);
    CHECK(f.post(to(server), 200ms).how == ending::timed_out);
    auto second = f.begin(to(server), 200ms);
    CHECK(second.get().error().code == errc::unavailable);  // the thread is not free yet
    answer.set_value();
    while (f.threads.waiting() > 0) std::this_thread::yield();
    CHECK(f.post(to(server)).succeeded());
    CHECK(server.connections() == 1);  // what was given up is not sent later
}

TEST_CASE("http client: a full queue is an answer", "[outbound]") {
    hook_server silent(
        [](std::string& piece) {
            piece.clear();
            return false;
        },
        "127.0.0.1", {});
    fixture f({.rules = loopback_rules(), .resolve = always("127.0.0.1")}, 1, 1);
    auto first = f.begin(to(silent));
    REQUIRE(silent.wait_for(1));
    auto queued = f.begin(to(silent));
    while (f.threads.waiting() == 0) std::this_thread::yield();
    CHECK(f.begin(to(silent)).get().error().code == errc::unavailable);
    f.client.stop_by(http_client::clock::now());
    CHECK(first.get().error().code == errc::unavailable);
    CHECK(queued.get().error().code == errc::unavailable);
    CHECK(f.begin(to(silent)).get().error().code == errc::unavailable);
}

TEST_CASE("http client: headers that cannot be sent", "[outbound]") {
    fixture f;
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"", "a"},
                                                          {"a b", "c"},
                                                          {"a:", "c"},
                                                          {"X", "a\r\nHost: b"},
                                                          {"X", std::string("a\0b", 3)},
                                                          {"Host", "internal"},
                                                          {"content-length", "1"},
                                                          {"Transfer-Encoding", "chunked"},
                                                          {"Cookie", "a=b"}}) {
        CAPTURE(name, value);
        CHECK(f.begin({.url = "http://hook.test/", .headers = {{name, value}}}).get().error().code ==
              errc::internal);
    }
    hook_server server(ok);
    auto request = to(server);
    request.headers.emplace_back("X-Empty", "");
    CHECK(f.post(request).succeeded());
    CHECK(server.requests().front().find("\r\nX-Empty:") != std::string::npos);
}

TEST_CASE("http client: nothing is sent to where it must not go", "[outbound]") {
    hook_server server(ok);
    fixture strict({.rules = {.plain_http = true}});  // the system's resolver, nothing allowed
    for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.0.0.2",
                                   "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "127.1"}) {
        CAPTURE(host);
        const auto out = strict.post(to(server, host));
        CHECK(out.how == ending::refused);
        CHECK(out.reason.find("127") == std::string::npos);
    }
    fixture encrypted({.rules = {.addresses = loopback_rules().addresses}, .resolve = always("127.0.0.1")});
    CHECK(encrypted.post(to(server)).how == ending::refused);  // http
    CHECK(server.connections() == 0);
    CHECK(strict.shows("bulkhead_outbound_requests_total{ending=\"refused\"} 9"));
}

// A name server that says something harmless while it is checked, and something else afterwards. 127.0.0.1 is
// the harmless address here, 127.0.0.2 the one to protect.
TEST_CASE("http client: a name that changes its meaning gains nothing", "[outbound]") {
    hook_server harmless(ok);
    std::atomic<int> asked{0};
    const auto changing = [&](const std::string&) {
        return std::vector{ip_address::parse(asked++ % 2 == 0 ? "127.0.0.1" : "127.0.0.2").value()};
    };
    fixture f({.rules = loopback_rules("127.0.0.1/32"), .resolve = changing});
    for (int round = 1; round <= 5; ++round) {
        CHECK(f.post(to(harmless)).succeeded());
        CHECK(asked == 2 * round - 1);  // once for each call: there is no second answer to be deceived by
        CHECK(f.post(to(harmless)).how == ending::refused);
    }
    CHECK(harmless.connections() == 5);
}

// The system takes "localhost" for 127.0.0.1; the check was told 127.0.0.3, where nobody is.
TEST_CASE("http client: the connection goes to what was checked, not to what the name means", "[outbound]") {
    hook_server local(ok), elsewhere(hook_server::once(ok), "127.0.0.3", {});
    fixture f({.rules = loopback_rules(), .resolve = always("127.0.0.3")});
    CHECK(f.post(to(local, "localhost")).how == ending::unreachable);
    CHECK(local.connections() == 0);
    CHECK(f.post(to(elsewhere, "localhost")).succeeded());
}

TEST_CASE("http client: the socket asks again where it goes", "[outbound]") {
    hook_server server(ok);
    const auto rules = loopback_rules();
    const auto target = check_target("http://127.0.0.1:" + server.port() + "/", rules).value();
    const std::vector other{ip_address::parse("127.0.0.9").value()};
    const trust_store trust("");
    http_transfer astray(target, other, rules, trust, {});  // an address in the URL is not what was checked
    CHECK(astray.post({}, [] { return true; }).how != ending::answered);
    CHECK(server.connections() == 0);
    const std::vector same{*target.address};
    http_transfer right(target, same, rules, trust, {});
    CHECK(right.post({}, [] { return true; }).succeeded());
}

TEST_CASE("http client: several addresses are tried", "[outbound]") {
    hook_server server(ok);
    const auto two = [](const std::string&) {
        return std::vector{ip_address::parse("127.0.0.7").value(), ip_address::parse("127.0.0.1").value()};
    };
    fixture f({.rules = loopback_rules(), .resolve = two});
    CHECK(f.post(to(server)).succeeded());
}

TEST_CASE("http client: certificates", "[outbound]") {
    const bulkhead::testing::temporary_folder folder;
    bulkhead::testing::certificate_authority authority(folder.path());
    hook_server right(hook_server::once(ok), "127.0.0.1", authority.sign("DNS:hook.test"));
    hook_server wrong(hook_server::once(ok), "127.0.0.1", authority.sign("DNS:other.test"));
    const auto over_tls = [](const hook_server& server) {
        auto request = to(server);
        request.url.replace(0, 4, "https");
        return request;
    };
    fixture f({.rules = loopback_rules(), .trust = authority.ca_file(), .resolve = always("127.0.0.1")});
    CHECK(f.post(over_tls(right)).succeeded());
    CHECK(f.post(over_tls(wrong)).how == ending::untrusted);
    CHECK(wrong.requests().empty());
    fixture of_system;  // which does not know our authority
    CHECK(of_system.post(over_tls(right)).how == ending::untrusted);
    const variable file("SSL_CERT_FILE", authority.ca_file());
    fixture of_environment;
    CHECK(of_environment.post(over_tls(right)).succeeded());
}

TEST_CASE("http client: a file of authorities that is of no use is found at start-up", "[outbound]") {
    CHECK_THROWS_AS(trust_store("/dev/null"), std::runtime_error);
    CHECK_THROWS_AS(trust_store("/no/such/file"), std::runtime_error);
}

TEST_CASE("http client: every ending has a name and a sentence", "[outbound]") {
    for (int i = 0; i < 7; ++i) {
        CHECK_FALSE(ending_name(static_cast<ending>(i)).empty());
        CHECK_FALSE(ending_text(static_cast<ending>(i)).empty());
    }
    CHECK(ending_name(ending::timed_out) == "timed_out");
    CHECK(ending_name(ending::broken) == "broken");
}
