// SPDX-License-Identifier: Apache-2.0
#include "auth/password_hasher.hpp"

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using bulkhead::auth::password_hasher;

namespace {

constexpr unsigned cheap = password_hasher::min_cost;

std::string judge(const password_hasher& hasher, std::string_view password, std::string_view stored) {
    const auto verdict = hasher.verify(secret(std::string(password)), stored);
    if (!verdict.matches) return verdict.outdated ? "nonsense" : "no";
    return verdict.outdated ? "outdated" : "yes";
}

std::string hash_of(const password_hasher& hasher, std::string_view password) {
    return hasher.hash(secret(std::string(password)));
}

}  // namespace

TEST_CASE("password_hasher: a password verifies against its hash only", "[auth]") {
    const password_hasher hasher(cheap);
    for (const std::string& password :
         {std::string(), std::string("x"), std::string("pässwörd"), std::string(72, 'a'),
          std::string(73, 'a'), std::string(2000, 'a'), std::string("a\0b", 3)}) {
        const auto stored = hash_of(hasher, password);
        CHECK(stored.size() == 60);
        CHECK(stored.starts_with("$2b$04$"));
        CHECK(judge(hasher, password, stored) == "yes");
        CHECK(judge(hasher, password + "x", stored) == "no");
        CHECK(hash_of(hasher, password) != stored);  // another salt
    }
}

TEST_CASE("password_hasher: nothing is cut off", "[auth]") {
    const password_hasher hasher(cheap);
    const std::string long_one(72, 'a');
    CHECK(judge(hasher, long_one + "c", hash_of(hasher, long_one + "b")) == "no");
    CHECK(judge(hasher, long_one, hash_of(hasher, long_one + "b")) == "no");
    CHECK(judge(hasher, std::string("a\0c", 3), hash_of(hasher, std::string("a\0b", 3))) == "no");
    CHECK(judge(hasher, "a", hash_of(hasher, std::string("a\0b", 3))) == "no");
    CHECK(judge(hasher, "a", hash_of(hasher, std::string("a\0", 2))) == "no");
}

TEST_CASE("password_hasher: hashes of other systems verify and are outdated", "[auth]") {
    struct row {
        std::string_view password;
        std::string_view stored;
    };
    // Test vectors of crypt_blowfish, and two made by calling crypt(3).
    const std::vector<row> rows{
        {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
        {"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
        {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
        {"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
        {"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
        {"rasmuslerdorf", "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"},
        // Unused bits set in the last character of the salt, as some implementations leave
        // them.
        {"rasmuslerdorf", "$2y$07$BCryptRequires22Chrctf/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"},
    };
    const password_hasher hasher(5);
    const password_hasher peppered(5, secret("pepper"));
    for (const auto& [password, stored] : rows) {
        INFO(stored);
        CHECK(judge(hasher, password, stored) == "outdated");
        CHECK(judge(peppered, password, stored) == "outdated");
        CHECK(judge(hasher, std::string(password) + "x", stored) == "no");
        CHECK(judge(peppered, std::string(password) + "x", stored) == "no");
    }
    // Our own prefix and cost: nothing to renew.
    CHECK(judge(hasher, "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW") == "yes");
}

TEST_CASE("password_hasher: another cost is outdated", "[auth]") {
    const password_hasher four(4);
    const password_hasher five(5);
    CHECK(judge(five, "p", hash_of(four, "p")) == "outdated");
    CHECK(judge(four, "p", hash_of(five, "p")) == "outdated");
    CHECK(judge(five, "q", hash_of(four, "p")) == "no");
}

TEST_CASE("password_hasher: a pepper is needed to verify, and renews older hashes", "[auth]") {
    const password_hasher plain(cheap);
    const password_hasher peppered(cheap, secret("pepper"));
    const password_hasher other(cheap, secret("Pepper"));
    for (const std::string& password :
         {std::string("short"), std::string(100, 'l'), std::string("n\0l", 3)}) {
        const auto stored = hash_of(peppered, password);
        CHECK(judge(peppered, password, stored) == "yes");
        CHECK(judge(plain, password, stored) == "no");
        CHECK(judge(other, password, stored) == "no");
        CHECK(judge(peppered, password, hash_of(plain, password)) == "outdated");
        CHECK(judge(peppered, password + "x", hash_of(plain, password)) == "no");
    }
}

TEST_CASE("password_hasher: what is no bcrypt hash never matches", "[auth]") {
    const password_hasher hasher(cheap);
    const auto good = hash_of(hasher, "p");
    for (std::string stored :
         {std::string(), std::string("*0"), std::string("*1"), std::string("p"), good.substr(0, 59),
          good + "a", good.substr(0, 29), "$2x$" + good.substr(4), "$2$" + good.substr(3),
          "$2B$" + good.substr(4), "$2b$03$" + good.substr(7), "$2b$31$" + good.substr(7),
          "$2b$4$$" + good.substr(7), "$2b$+4$" + good.substr(7), good.substr(0, 59) + "!",
          good.substr(0, 59) + '\0', good.substr(0, 10) + ":" + good.substr(11),
          std::string(
              "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy."
              "g."),
          std::string("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA")}) {
        INFO(stored);
        CHECK(judge(hasher, "p", stored) == "no");
        CHECK(judge(hasher, "", stored) == "no");
        CHECK(judge(hasher, stored, stored) == "no");
    }
    CHECK(judge(hasher, "p", good) == "yes");
}

TEST_CASE("password_hasher: the dummy matches nothing and has the configured cost", "[auth]") {
    const password_hasher hasher(6);
    CHECK(hasher.dummy_hash().size() == 60);
    CHECK(hasher.dummy_hash().starts_with("$2b$06$"));
    for (const auto* password : {"", "p", "password"})
        CHECK(judge(hasher, password, hasher.dummy_hash()) == "no");
    CHECK(password_hasher(6).dummy_hash() != hasher.dummy_hash());
}

TEST_CASE("password_hasher: a wrong password takes the same work for every kind of user", "[auth]") {
    for (const bool peppered : {false, true}) {
        const password_hasher hasher(7, secret(peppered ? "pepper" : ""));
        const auto rounds = [&](std::string_view stored) {
            const auto verdict = hasher.verify(secret("wrong"), stored);
            CHECK_FALSE(verdict.matches);
            return verdict.rounds;
        };
        const auto one = std::uint64_t{peppered ? 2U : 1U};
        const std::vector<std::string> kinds{hash_of(hasher, "p"), std::string(hasher.dummy_hash()),
                                             hash_of(password_hasher(5), "p"), "*0",
                                             "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"};
        for (const auto& stored : kinds) CHECK(rounds(stored) == one << 7);
        // The cost was lowered, and there are hashes of before: now all are as dear as those.
        CHECK(rounds(hash_of(password_hasher(9), "p")) == one << 9);
        for (const auto& stored : kinds) CHECK(rounds(stored) == one << 9);
        CHECK(hasher.verify(secret("p"), kinds[0]).rounds == 1U << 7);
        CHECK(hash_of(hasher, "p").starts_with("$2b$07$"));
    }
}

TEST_CASE("password_hasher: refuses costs out of range", "[auth]") {
    CHECK_THROWS_AS(password_hasher(3), std::invalid_argument);
    CHECK_THROWS_AS(password_hasher(17), std::invalid_argument);
    CHECK_THROWS_AS(password_hasher(0), std::invalid_argument);
}

TEST_CASE("password_hasher: works from several threads at once", "[auth]") {
    const password_hasher hasher(cheap, secret("pepper"));
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < wrong.size(); ++t)
            threads.emplace_back([&hasher, &count = wrong[t], password = "p" + std::to_string(t)] {
                for (int i = 0; i < 20; ++i)
                    if (judge(hasher, password, hash_of(hasher, password)) != "yes") ++count;
            });
    }
    CHECK(wrong == std::vector<int>(4, 0));
}
