// SPDX-License-Identifier: Apache-2.0
#include "auth/access_token.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::auth;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view master = "0123456789abcdef0123456789abcdef";
constexpr std::string_view master_id = "uYe0QESS";
constexpr utc_time issued{1700000000s};
const uuid tenant = *uuid::parse("0190a000-0000-7000-8000-000000000001");
const uuid other_tenant = *uuid::parse("0190a000-0000-7000-8000-0000000000ff");
const access_subject alice{.subject = *uuid::parse("0190a000-0000-7000-8000-000000000002"),
                           .tenant = tenant,
                           .session = *uuid::parse("0190a000-0000-7000-8000-000000000003"),
                           .role = role::admin};

// Made by a Python program from RFC 5869 and RFC 7515 alone.
constexpr std::string_view known_token =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6InVZZTBRRVNTIn0.eyJpc3MiOiJidWxraGVhZCIsImF1ZCI6"
    "ImJ1bGtoZWFkLWFwaSIsInN1YiI6IjAxOTBhMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMiIsInRpZCI6IjAxOTBh"
    "MDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSIsInNpZCI6IjAxOTBhMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAw"
    "MDAwMyIsInJvbGUiOiJhZG1pbiIsImp0aSI6IjAxOTBhMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwNCIsImlhdCI6"
    "MTcwMDAwMDAwMCwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDA5MDB9.otK4OcGiopyT7xb7ndXx03hJv205wqI1pd0"
    "wuP5HaJg";

token_settings settings_with(std::string_view current) {
    return {.current = secret(std::string(current)),
            .issuer = "bulkhead",
            .audience = "bulkhead-api",
            .ttl = 15min};
}

const std::string good_header = fmt::format(R"({{"alg":"HS256","typ":"at+jwt","kid":"{}"}})", master_id);

/// The claims of a good token, with one member's JSON text replaced; an empty text leaves the member out.
std::string claims_with(std::string_view name = {}, std::string_view text = {}) {
    std::vector<std::pair<std::string_view, std::string>> members{
        {"iss", R"("bulkhead")"},
        {"aud", R"("bulkhead-api")"},
        {"sub", R"("0190a000-0000-7000-8000-000000000002")"},
        {"tid", R"("0190a000-0000-7000-8000-000000000001")"},
        {"sid", R"("0190a000-0000-7000-8000-000000000003")"},
        {"role", R"("admin")"},
        {"jti", R"("0190a000-0000-7000-8000-000000000004")"},
        {"iat", "1700000000"},
        {"nbf", "1700000000"},
        {"exp", "1700000900"},
    };
    std::string out;
    for (const auto& [member, value] : members) {
        const std::string_view used = member == name ? text : std::string_view(value);
        if (!used.empty()) out += fmt::format(R"({}"{}":{})", out.empty() ? "" : ",", member, used);
    }
    return '{' + out + '}';
}

/// Signs what an attacker who knows the tenant's key could send: segments are taken as they are.
std::string sign_segments(std::string_view header, std::string_view claims) {
    const std::string_view salt(reinterpret_cast<const char*>(tenant.bytes.data()), tenant.bytes.size());
    const auto key = hkdf_sha256(master, salt, "bulkhead access token v1", 32);
    const auto input = fmt::format("{}.{}", header, claims);
    return fmt::format("{}.{}", input, to_base64url(hmac_sha256(key.reveal(), input).view()));
}

std::string sign(std::string_view header, std::string_view claims) {
    return sign_segments(to_base64url(header), to_base64url(claims));
}

std::string judge(std::string_view token, utc_time now = issued, const uuid& at = tenant) {
    access_tokens tokens(settings_with(master));
    const auto claims = tokens.verify(token, at, now);
    if (claims) return "good";
    if (claims.error().code != errc::unauthenticated) return "wrong code";
    return claims.error().detail;
}

constexpr auto not_valid = "the access token is not valid";
constexpr auto has_expired = "the access token has expired";

}  // namespace

TEST_CASE("access_token: what is issued verifies", "[auth]") {
    access_tokens tokens(settings_with(master));
    for (const auto each : {role::owner, role::admin, role::member, role::viewer}) {
        auto subject = alice;
        subject.role = each;
        const auto token = tokens.issue(subject, issued + 999ms);
        CHECK(token.size() < 600);  // fits a cookie with room to spare
        const auto claims = tokens.verify(token, tenant, issued + 1min);
        REQUIRE(claims);
        CHECK(claims->subject == alice.subject);
        CHECK(claims->tenant == tenant);
        CHECK(claims->session == alice.session);
        CHECK(claims->role == each);
        CHECK(claims->issued_at == issued);
        CHECK(claims->expires_at == issued + 15min);
        CHECK(claims->token_id != uuid{});
        CHECK(tokens.tenant_of(token).value() == tenant);
    }
    CHECK(tokens.issue(alice, issued) != tokens.issue(alice, issued));  // each has its own jti
}

TEST_CASE("access_token: raising the tenant's key version ends its tokens", "[auth]") {
    access_tokens tokens(settings_with(master));
    auto subject = alice;
    const auto old = tokens.issue(subject, issued);
    subject.key_version = 2;
    const auto fresh = tokens.issue(subject, issued);
    CHECK(tokens.verify(old, tenant, issued));
    CHECK_FALSE(tokens.verify(old, {tenant, 2}, issued));
    CHECK(tokens.verify(fresh, {tenant, 2}, issued));
    CHECK_FALSE(tokens.verify(fresh, tenant, issued));
}

TEST_CASE("access_token: issuer and audience may hold any text", "[auth]") {
    auto settings = settings_with(master);
    settings.issuer = "https://id.example/\"quoted\"\\ \n ünï";
    settings.audience = "\x01";
    access_tokens tokens(settings);
    CHECK(tokens.verify(tokens.issue(alice, issued), tenant, issued));
    CHECK(judge(tokens.issue(alice, issued)) == not_valid);
}

TEST_CASE("access_token: a token made elsewhere to the same rules verifies", "[auth]") {
    CHECK(judge(known_token) == "good");
    CHECK(sign(good_header, claims_with()) == known_token);
    // Order and white space do not matter to JSON.
    CHECK(judge(sign(fmt::format(R"( {{ "kid":"{}", "typ":"at+jwt", "alg":"HS256" }} )", master_id),
                     claims_with())) == "good");
    CHECK(judge(sign(good_header, "\n" + claims_with() + "\n")) == "good");
    // RFC 7519 section 4: claims that are not understood are ignored.
    auto more = claims_with();
    more.insert(1, R"("scope":["tasks:read",{"a":1}],)");
    CHECK(judge(sign(good_header, more)) == "good");
}

TEST_CASE("access_token: every changed, missing or added character is noticed", "[auth]") {
    access_tokens tokens(settings_with(master));
    constexpr std::string_view replacements = "A.=-_z0+/ \n\0\x80";
    for (std::size_t i = 0; i < known_token.size(); ++i) {
        INFO(i);
        std::string changed(known_token);
        bool accepted = false;
        for (const char c : replacements) {
            changed[i] = c;
            if (c != known_token[i]) accepted |= tokens.verify(changed, tenant, issued).has_value();
        }
        changed[i] = static_cast<char>(known_token[i] ^ 0x20);
        accepted |= tokens.verify(changed, tenant, issued).has_value();
        accepted |= tokens.verify(known_token.substr(0, i), tenant, issued).has_value();
        accepted |= tokens.verify(known_token.substr(i + 1), tenant, issued).has_value();
        for (const char c : {'A', '.', '=', ' ', '\0'})
            accepted |= tokens.verify(std::string(known_token).insert(i, 1, c), tenant, issued).has_value();
        CHECK_FALSE(accepted);
    }
    for (const auto* tail : {"A", ".", ".A", "=", "==", " ", "\n"})
        CHECK(judge(std::string(known_token) + tail) == not_valid);
}

TEST_CASE("access_token: base64url has one spelling", "[auth]") {
    // 32 bytes leave two unused bits in the last character: the three other spellings are refused.
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const auto last = alphabet.find(known_token.back());
    REQUIRE(last % 4 == 0);
    for (std::size_t stray = 1; stray < 4; ++stray) {
        std::string token(known_token);
        token.back() = alphabet[last + stray];
        CHECK(judge(token) == not_valid);
    }
    // The same for header and claims, correctly signed over the bytes as sent.
    const auto header = to_base64url(good_header);
    const auto claims =
        to_base64url(claims_with() + " ");  // one byte more, so that its length leaves unused bits
    REQUIRE(judge(sign_segments(header, claims)) == "good");
    REQUIRE(claims.size() % 4 != 0);
    auto stray = claims;
    stray.back() = alphabet[alphabet.find(stray.back()) + 1];
    CHECK(judge(sign_segments(header, stray)) == not_valid);
    for (const auto* tail : {"=", "==", "A", " ", "\n", "+", "/"}) {
        CHECK(judge(sign_segments(header, claims + tail)) == not_valid);
        CHECK(judge(sign_segments(header + tail, claims)) == not_valid);
    }
}

TEST_CASE("access_token: only three segments of at most 4 KiB are looked at", "[auth]") {
    for (const std::string_view token : {"", ".", "..", "...", "a.b.c", "a.b", "a..c", ".b.", "e30.e30.",
                                         "e30..e30", "null", "Bearer x.y.z"})
        CHECK(judge(token) == not_valid);
    const auto sized = [](std::size_t padding) {
        auto claims = claims_with();
        return sign(good_header, claims.insert(1, fmt::format(R"("x":"{}",)", std::string(padding, 'x'))));
    };
    std::size_t padding = 2000;
    while (sized(padding + 1).size() <= access_token_max_size) ++padding;
    CHECK(judge(sized(padding)) == "good");
    CHECK(judge(sized(padding + 1)) == not_valid);
    CHECK(judge(std::string(1 << 20, '.')) == not_valid);
    // Unsigned forms.
    const auto unsigned_part = known_token.substr(0, known_token.rfind('.'));
    CHECK(judge(unsigned_part) == not_valid);
    CHECK(judge(std::string(unsigned_part) + ".") == not_valid);
    CHECK(judge(std::string(known_token) + "." + std::string(known_token)) == not_valid);
}

TEST_CASE("access_token: the header is exactly ours, even when the MAC fits", "[auth]") {
    for (const auto* alg :
         {R"("none")", R"("None")", R"("NONE")", R"("nOnE")", R"("hs256")", R"("HS384")", R"("HS512")",
          R"("RS256")", R"("ES256")", R"("HS256 ")", R"("")", "null", "256", R"(["HS256"])", "{}", "true"}) {
        INFO(alg);
        const auto header = fmt::format(R"({{"alg":{},"typ":"at+jwt","kid":"{}"}})", alg, master_id);
        const auto token = sign(header, claims_with());
        CHECK(judge(token) == not_valid);
        CHECK(judge(token.substr(0, token.rfind('.') + 1)) == not_valid);
    }
    for (const auto* typ : {R"("JWT")", R"("AT+JWT")", R"("application/at+jwt")", R"("at+jwt ")",
                            R"("rt+jwt")", R"("")", "null", R"(["at+jwt"])"})
        CHECK(judge(sign(fmt::format(R"({{"alg":"HS256","typ":{},"kid":"{}"}})", typ, master_id),
                         claims_with())) == not_valid);
    for (const auto* kid : {R"("")", R"("AAAAAAAA")", "null", "1", R"("../../dev/null")", R"("' OR 1=1")"})
        CHECK(judge(sign(fmt::format(R"({{"alg":"HS256","typ":"at+jwt","kid":{}}})", kid), claims_with())) ==
              not_valid);
    for (const auto* extra :
         {R"("crit":["exp"])", R"("crit":[])", R"("zip":"DEF")", R"("b64":false)", R"("b64":true)",
          R"("jku":"https://evil.example/keys")", R"("jwk":{"kty":"oct","k":"AAAA"})",
          R"("x5u":"https://evil.example/c")", R"("x5c":["MII"])", R"("x5t":"A")", R"("cty":"JWT")",
          R"("foo":1)", R"("Alg":"none")", R"("alg":"HS256")", R"("alg":"none")", R"("typ":"at+jwt")",
          R"("kid":"x")", R"("a\u006cg":"HS256")"}) {
        INFO(extra);
        auto behind = good_header;
        behind.insert(behind.size() - 1, fmt::format(",{}", extra));
        CHECK(judge(sign(behind, claims_with())) == not_valid);
        auto before = good_header;
        before.insert(1, fmt::format("{},", extra));
        CHECK(judge(sign(before, claims_with())) == not_valid);
    }
    for (const std::string& header :
         {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string("\"HS256\""),
          std::string(R"({"alg":"HS256"})"), std::string(R"({"typ":"at+jwt"})"), good_header + "{}",
          good_header + "x", "\xef\xbb\xbf" + good_header, good_header + '\0',
          good_header.substr(0, good_header.size() - 1), "/**/" + good_header})
        CHECK(judge(sign(header, claims_with())) == not_valid);
}

TEST_CASE("access_token: the claims are checked one by one, even when the MAC fits", "[auth]") {
    struct row {
        std::string_view name;
        std::vector<std::string_view> wrong;
    };
    const std::vector<std::string_view> no_uuid{"",
                                                "null",
                                                "1",
                                                R"("")",
                                                R"("0190a000000070008000000000000001")",
                                                R"("{0190a000-0000-7000-8000-000000000001}")",
                                                R"("0190a000-0000-7000-8000-00000000000g")",
                                                R"(["0190a000-0000-7000-8000-000000000001"])",
                                                R"("0190a000-0000-7000-8000-000000000001 ")"};
    const std::vector<std::string_view> no_time{"",
                                                "null",
                                                R"("1700000000")",
                                                "1700000000.0",
                                                "1.7e9",
                                                "1700000000.5",
                                                "-1",
                                                "true",
                                                "[1700000000]",
                                                "1e999",
                                                "253402300800",
                                                "9223372036854775807",
                                                "9223372036854775808",
                                                "18446744073709551616",
                                                "-9223372036854775808",
                                                "01700000000",
                                                "0x6553f100",
                                                "NaN",
                                                "Infinity"};
    const std::vector<row> rows{
        {"iss",
         {"", "null", "1", R"("")", R"("Bulkhead")", R"("bulkhead ")", R"("bulkhead2")", R"("bulk")",
          R"(["bulkhead"])"}},
        {"aud",
         {"", "null", R"("")", R"("bulkhead")", R"("BULKHEAD-API")", R"(["bulkhead-api"])",
          R"(["bulkhead-api","other"])", "{}"}},
        {"role",
         {"", "null", "1", R"("")", R"("Admin")", R"("root")", R"("admin ")", R"(["admin"])",
          R"("admin,owner")"}},
        {"sub", no_uuid},
        {"tid", no_uuid},
        {"sid", no_uuid},
        {"jti", no_uuid},
        {"iat", no_time},
        {"nbf", no_time},
        {"exp", no_time},
    };
    for (const auto& [name, wrong] : rows)
        for (const auto text : wrong) {
            INFO(name << " = " << text);
            CHECK(judge(sign(good_header, claims_with(name, text))) == not_valid);
        }
    CHECK(judge(sign(good_header, claims_with("tid", R"("0190a000-0000-7000-8000-0000000000ff")"))) ==
          not_valid);
}

TEST_CASE("access_token: claims must be one strict JSON object", "[auth]") {
    const auto good = claims_with();
    for (const auto* extra :
         {R"("role":"owner",)", R"("sub":"0190a000-0000-7000-8000-000000000009",)", R"("exp":1800000000,)",
          R"("r\u006fle":"owner",)", R"("x":"\u0000",)", R"("x":"\ud800",)", R"("x":[[[[[[1]]]]]],)",
          R"("x":1e400,)", R"("x":,)", "\"x\":\"\xff\",", ","}) {
        INFO(extra);
        auto claims = good;
        CHECK(judge(sign(good_header, claims.insert(1, extra))) == not_valid);
    }
    for (const std::string& claims :
         {std::string(), std::string("{}"), std::string("null"), "[" + good + "]", good + good, good + "x",
          good.substr(1), good.substr(0, good.size() - 1), "\xef\xbb\xbf" + good, std::string(2000, '['),
          to_base64url(good)})
        CHECK(judge(sign(good_header, claims)) == not_valid);
    std::string many;
    for (int i = 0; i < 40; ++i) many += fmt::format(R"("m{}":1,)", i);
    auto crowded = good;
    CHECK(judge(sign(good_header, crowded.insert(1, many))) == not_valid);
}

TEST_CASE("access_token: times are compared with 30 seconds of leeway", "[auth]") {
    constexpr auto expires = issued + 900s;
    CHECK(judge(known_token, expires) == "good");
    CHECK(judge(known_token, expires + 30s - 1us) == "good");
    CHECK(judge(known_token, expires + 30s) == has_expired);
    CHECK(judge(known_token, expires + 24h * 365) == has_expired);
    CHECK(judge(known_token, issued - 30s) == "good");
    CHECK(judge(known_token, issued - 30s - 1us) == not_valid);
    CHECK(judge(sign(good_header, claims_with("nbf", "1700000030"))) == "good");
    CHECK(judge(sign(good_header, claims_with("nbf", "1700000031"))) == not_valid);
    CHECK(judge(sign(good_header, claims_with("iat", "1700000030"))) == "good");
    CHECK(judge(sign(good_header, claims_with("iat", "1700000031"))) == not_valid);
    CHECK(judge(sign(good_header, claims_with("nbf", "0"))) == "good");
    CHECK(judge(sign(good_header, claims_with("exp", "1700000000"))) == not_valid);  // never was valid
    CHECK(judge(sign(good_header, claims_with("exp", "1699999999"))) == not_valid);
    const auto longest = 1700000000 + 31 * 86400;
    CHECK(judge(sign(good_header, claims_with("exp", std::to_string(longest)))) == "good");
    CHECK(judge(sign(good_header, claims_with("exp", std::to_string(longest + 1)))) == not_valid);
}

TEST_CASE("access_token: only who could sign learns that a token has expired", "[auth]") {
    std::string forged(known_token);
    forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
    CHECK(judge(forged, issued + 24h) == not_valid);
    CHECK(judge(known_token, issued + 24h, other_tenant) == not_valid);
}

TEST_CASE("access_token: a tenant's token verifies at no other tenant", "[auth]") {
    access_tokens tokens(settings_with(master));
    auto elsewhere = alice;
    elsewhere.tenant = other_tenant;
    const auto foreign = tokens.issue(elsewhere, issued);
    CHECK(tokens.verify(foreign, other_tenant, issued));
    CHECK_FALSE(tokens.verify(foreign, tenant, issued));
    CHECK(judge(known_token, issued, other_tenant) == not_valid);
    CHECK(judge(known_token, issued, uuid{}) == not_valid);
}

TEST_CASE("access_token: the previous secret verifies until it is taken away", "[auth]") {
    access_tokens before(settings_with(master));
    auto rotated = settings_with("another master secret of 32 bytes");
    access_tokens after(rotated);
    rotated.previous = secret(std::string(master));
    access_tokens during(rotated);
    const auto old = before.issue(alice, issued);
    const auto fresh = during.issue(alice, issued);
    CHECK(during.verify(old, tenant, issued));
    CHECK(during.verify(fresh, tenant, issued));
    CHECK(after.verify(fresh, tenant, issued));
    CHECK_FALSE(after.verify(old, tenant, issued));
    CHECK_FALSE(before.verify(fresh, tenant, issued));
    // The id chooses the key; the other key's id does not help.
    const auto mixed = fresh.substr(0, fresh.find('.')) + old.substr(old.find('.'));
    CHECK_FALSE(during.verify(mixed, tenant, issued));
}

TEST_CASE("access_token: tenant_of reads the claim without trusting it", "[auth]") {
    const access_tokens tokens(settings_with(master));
    CHECK(tokens.tenant_of(known_token).value() == tenant);
    std::string forged(known_token);
    forged.replace(forged.rfind('.'), std::string::npos, ".AAAA");
    CHECK(tokens.tenant_of(forged).value() == tenant);
    const std::vector<std::string> hopeless{
        "",
        "..",
        "a.b.c",
        "e30.e30.e30",
        "e30.bnVsbA.e30",
        "e30." + to_base64url(claims_with("tid", "1")) + ".x",
        "e30." + to_base64url(claims_with()) + "=.x",
        "e30." + to_base64url(claims_with()),
        std::string(5000, 'a'),
        "e30." + to_base64url(R"({"tid":"0190a000-0000-7000-8000-000000000001",)" + claims_with().substr(1)) +
            ".x",
        "e30." + to_base64url(std::string(1000, '[')) + ".x"};
    for (const auto& token : hopeless) {
        const auto found = tokens.tenant_of(token);
        REQUIRE_FALSE(found);
        CHECK(found.error().code == errc::unauthenticated);
        CHECK(found.error().detail == not_valid);
    }
}

TEST_CASE("access_token: refuses to start with settings that protect nothing", "[auth]") {
    const auto starts = [](auto change) {
        auto settings = settings_with(master);
        change(settings);
        access_tokens tokens(settings);
        return true;
    };
    CHECK(starts([](token_settings& s) { s.ttl = 1s; }));
    CHECK(starts([](token_settings& s) { s.ttl = access_token_max_lifetime; }));
    CHECK_THROWS_AS(starts([](token_settings& s) { s.current = {}; }), std::invalid_argument);
    CHECK_THROWS_AS(starts([](token_settings& s) { s.previous = secret(); }), std::invalid_argument);
    CHECK_THROWS_AS(starts([](token_settings& s) { s.issuer = ""; }), std::invalid_argument);
    CHECK_THROWS_AS(starts([](token_settings& s) { s.audience = ""; }), std::invalid_argument);
    CHECK_THROWS_AS(starts([](token_settings& s) { s.ttl = 999ms; }), std::invalid_argument);
    CHECK_THROWS_AS(starts([](token_settings& s) { s.ttl = access_token_max_lifetime + 1ms; }),
                    std::invalid_argument);
}
