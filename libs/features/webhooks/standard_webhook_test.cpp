// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/standard_webhook.hpp"

#include <stdexcept>

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::webhooks;
using namespace std::chrono_literals;

namespace {

using secrets = std::vector<webhook_secret>;
using seconds = std::chrono::sys_seconds;

constexpr std::string_view first = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr std::string_view second = "whsec_////////////////////////////////";
constexpr std::string_view id = "msg_0190b6d4";
constexpr std::string_view body =
    R"({"type":"task.created","timestamp":"2026-01-02T03:04:05.678Z","data":{"title":"büro"}})";
constexpr seconds sent{1767323045s};

secrets keys(std::initializer_list<std::string_view> texts) {
    secrets out;
    for (const auto text : texts) out.push_back(webhook_secret::parse(text).value());
    return out;
}

std::string signature(const secrets& with, const webhook_message& message) {
    const auto headers = webhook_headers(with, message);
    REQUIRE(headers.size() == 3);
    CHECK(headers[0] == std::pair<std::string, std::string>("webhook-id", message.id));
    CHECK(headers[1].first == "webhook-timestamp");
    CHECK(headers[1].second == std::to_string(message.sent.time_since_epoch().count()));
    CHECK(headers[2].first == "webhook-signature");
    return headers[2].second;
}

}  // namespace

// Computed with Python's hmac module.
TEST_CASE("webhook: signatures by another implementation", "[webhooks]") {
    const webhook_message message{.id = id, .sent = sent, .body = body};
    CHECK(signature(keys({first}), message) == "v1,3/Xq2Qeb5PiHkFjHGu57PCX3wigYi/JzaPwOH0NBc3U=");
    CHECK(signature(keys({second}), message) == "v1,MCikNNuUAB8iHj9GmD5qI617p48j7YQjf2dBRfzcwAs=");
    CHECK(signature(
              keys({"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7"
                    "PD0+Pw=="}),
              message) == "v1,L9kw2bejccuJoef0EQvlFR1eFbJFywG9bhMFq6bxBnw=");
    CHECK(signature(keys({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}), {.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                                                       .sent = seconds(1614265330s),
                                                                       .body = R"({"test": 2432232314})"}) ==
          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("webhook: while a secret is rotated, both sign", "[webhooks]") {
    const webhook_message message{.id = id, .sent = sent, .body = body};
    const auto both = signature(keys({second, first}), message);
    CHECK(both ==
          "v1,MCikNNuUAB8iHj9GmD5qI617p48j7YQjf2dBRfzcwAs= v1,3/Xq2Qeb5PiHkFjHGu57PCX3wigYi/JzaPwOH0NBc3U=");
}

TEST_CASE("webhook: ids that would let two messages sign alike are refused", "[webhooks]") {
    const auto known = keys({first});
    for (const auto* const odd : {"", "a.b", "msg 1", "msg\n", "ü"}) {
        CHECK_THROWS_AS(webhook_headers(known, {.id = odd, .sent = sent, .body = body}),
                        std::invalid_argument);
    }
    CHECK_THROWS_AS(webhook_headers(known, {.id = std::string(129, 'a'), .sent = sent}),
                    std::invalid_argument);
    CHECK_THROWS_AS(webhook_headers({}, {.id = id, .sent = sent}), std::invalid_argument);
}

TEST_CASE("webhook: secrets", "[webhooks]") {
    const auto fresh = webhook_secret::generate(), other = webhook_secret::generate();
    CHECK(fresh.key().size() == 32);
    CHECK_FALSE(fresh.key().reveal() == other.key().reveal());
    const auto text = fresh.text();
    CHECK(text.reveal().starts_with("whsec_"));
    CHECK(webhook_secret::parse(text.reveal()).value().key().reveal() == fresh.key().reveal());
    const auto of = [](std::size_t bytes) { return "whsec_" + to_base64(std::string(bytes, 'k')); };
    CHECK_FALSE(webhook_secret::parse(of(23)));
    CHECK(webhook_secret::parse(of(24)));
    CHECK(webhook_secret::parse(of(64)));
    CHECK_FALSE(webhook_secret::parse(of(65)));
    for (const auto* const bad : {"", "whsec_", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_!!!!",
                                  "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "WHSEC_AAAA"})
        CHECK_FALSE(webhook_secret::parse(bad));
}
