// SPDX-License-Identifier: Apache-2.0
#include "auth/password_policy.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "auth/common_passwords.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace bulkhead::auth;

namespace {

std::string verdict(std::string_view password, std::string_view email = "alice@example.org",
                    std::string_view tenant = "Northwind Traders") {
    const auto wrong = check_password(password, email, tenant);
    return wrong ? wrong->code : "fine";
}

std::string repeated(std::string_view unit, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += unit;
    return out;
}

}  // namespace

TEST_CASE("password_policy: length is counted in code points", "[auth]") {
    const std::string varied = "k7#mQ2zv";
    CHECK(verdict("") == "too_short");
    CHECK(verdict(varied.substr(1)) == "too_short");
    CHECK(verdict(varied) == "fine");
    CHECK(verdict("äöüßéèñ") == "too_short");  // 7 characters in 14 bytes
    CHECK(verdict("äöüßéèñç") == "fine");
    CHECK(verdict("🦊🐻🐼🐨🐯🦁🐮🐷") == "fine");
    CHECK(verdict(repeated(varied, 32)) == "fine");
    CHECK(verdict(repeated(varied, 32) + "x") == "too_long");
    CHECK(verdict(repeated("äö", 128)) == "fine");
    CHECK(verdict(repeated("äö", 128) + "ü") == "too_long");
}

TEST_CASE("password_policy: no composition rules", "[auth]") {
    for (const auto* password :
         {"tortoise lamp eleven", "qdkvmwoe", "40917263", "########!", "        x", "plain words only"})
        CHECK(verdict(password) == "fine");
}

TEST_CASE("password_policy: the first guesses are refused in any case", "[auth]") {
    for (const auto* password :
         {"password", "PASSWORD", "PassWord123", "P@ssw0rd", "iloveyou", "Welcome1", "letmein123", "admin123",
          "Trustno1", "correcthorsebatterystaple", "Summer2025!", "пароль123"})
        CHECK(verdict(password) == "too_common");
    CHECK(verdict("password") == "too_common");
    CHECK(verdict("passwordpassage") == "fine");
    CHECK(verdict("xpasswordx") == "fine");
}

TEST_CASE("password_policy: runs and repetitions are refused", "[auth]") {
    for (const auto* password : {"12345678",         "123456789",  "1234567890",
                                 "01234567",         "87654321",   "0987654321",
                                 "34567890",         "78901234",   "12345678901234567890",
                                 "abcdefgh",         "ABCDEFGH",   "hgfedcba",
                                 "stuvwxyzab",       "qwertyuiop", "QwertyUI",
                                 "poiuytrewq",       "asdfghjkl",  "zxcvbnmq",
                                 "qwertzui",         "azertyui",   "1qaz2wsx",
                                 "1qaz2wsx3edc4rfv", "1q2w3e4r",   "qazwsxedc"})
        CHECK(verdict(password) == "too_common");
    for (const auto* unit : {"a", "0", " ", "ä", "🦊"}) CHECK(verdict(repeated(unit, 12)) == "too_common");
    CHECK(verdict("aaaaaaaab") == "fine");
    CHECK(verdict("12345687") == "fine");
    CHECK(verdict("13579acegi") == "fine");
    CHECK(verdict("ääääääää"
                  "ö") == "fine");
}

TEST_CASE("password_policy: nothing everybody knows about the user", "[auth]") {
    CHECK(verdict("my alice@example.org") == "contains_personal_data");
    CHECK(verdict("xxALICExx9") == "contains_personal_data");
    CHECK(verdict("go northwind traders!") == "contains_personal_data");
    CHECK(verdict("northwind only") == "fine");                 // the whole name counts, not each word
    CHECK(verdict("bobsleigh7", "bob@example.org") == "fine");  // three letters prove nothing
    CHECK(verdict("7bob@x.io7", "bob@x.io") == "contains_personal_data");
    CHECK(verdict("acmeacmeacm3", "carol@example.org", "ACME") == "contains_personal_data");
    CHECK(verdict("abc-tortoise", "carol@example.org", "abc") == "fine");
    CHECK(verdict("tortoise lamp", "", "") == "fine");
    CHECK(verdict("tortoise lamp", " ", "    ") == "fine");
    CHECK(verdict("xx zoë zoë xx", "zoë@example.org", "") == "fine");
    CHECK(verdict("xx zoëy xx", "zoëy@example.org", "") == "contains_personal_data");
    CHECK(verdict("a strange\"@\"local", "\"strange\"@\"local\"@example.org", "") == "fine");
    CHECK(verdict("plain carolyn text", "carolyn", "") == "contains_personal_data");  // an address without @
}

TEST_CASE("password_policy: the answer names the member", "[auth]") {
    const auto wrong = check_password("short", "", "", "/new_password");
    REQUIRE(wrong);
    CHECK(wrong->pointer == "/new_password");
    CHECK(wrong->detail == "must have at least 8 characters");
    CHECK(check_password("short", "", "")->pointer == "/password");
}

TEST_CASE("password_policy: the table holds what the rules do not catch", "[auth]") {
    CHECK(common_passwords().size() > 500);
    CHECK(std::ranges::is_sorted(common_passwords()));
    CHECK(common_passwords().front().size() >= 8);
    for (const auto entry : common_passwords()) {
        INFO(entry);
        CHECK(is_common_password(entry));
        CHECK(is_utf8(entry));
    }
    CHECK_FALSE(is_common_password(""));
    CHECK_FALSE(is_common_password(std::string(1000, 'a')));
}
