// SPDX-License-Identifier: Apache-2.0
#include "base/key_pair.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/testing/catch.hpp"
#include "base/testing/certificates.hpp"

using namespace bulkhead;
using bulkhead::testing::certificate_authority;
using bulkhead::testing::temporary_folder;

namespace {

std::string write(const temporary_folder& folder, const char* name, std::string_view text) {
    auto path = folder.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
}

std::string problem(const std::string& certificate, const std::string& key, utc_time now = utc_now()) {
    const auto pair = load_key_pair(certificate, key, now);
    if (pair) return "";
    return (pair.error().with_key ? "key: " : "certificate: ") + pair.error().text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("key pair: a certificate and its key", "[key_pair]") {
    const temporary_folder folder;
    certificate_authority authority(folder.path());
    const auto files = authority.sign("DNS:localhost");
    const auto pair = load_key_pair(files.certificate, files.key, utc_now());
    REQUIRE(pair);
    CHECK(pair->chain.size() == 1);
    CHECK(pair->not_after > utc_now() + std::chrono::hours{23});

    std::ifstream own(files.certificate), issuer(authority.ca_file());
    std::stringstream both;
    both << own.rdbuf() << issuer.rdbuf();
    const auto chain = write(folder, "chain.pem", both.str());
    CHECK(load_key_pair(chain, files.key, utc_now())->chain.size() == 2);
}

TEST_CASE("key pair: what is wrong is said in one sentence about the right file", "[key_pair]") {
    const temporary_folder folder;
    certificate_authority authority(folder.path());
    const auto files = authority.sign("DNS:localhost"), other = authority.sign("DNS:localhost");
    const auto empty = write(folder, "empty", ""), nothing = folder.path() + "/nothing";
    CHECK(problem(files.certificate, files.key).empty());
    CHECK(problem(nothing, files.key) ==
          "certificate: " + nothing + " cannot be read: No such file or directory");
    CHECK(problem(files.certificate, nothing) ==
          "key: " + nothing + " cannot be read: No such file or directory");
    CHECK(problem(empty, files.key) == "certificate: " + empty + " holds no certificate in PEM");
    CHECK(problem(files.key, files.key) == "certificate: " + files.key + " holds no certificate in PEM");
    CHECK(problem(folder.path(), files.key) ==
          "certificate: " + folder.path() + " holds no certificate in PEM");
    CHECK(problem(files.certificate, empty) == "key: " + empty + " holds no private key in PEM");
    CHECK(has(problem(files.certificate, other.key), "key: the key in " + other.key + " does not belong"));
    CHECK(has(problem(files.certificate, files.key, utc_now() + std::chrono::days{2}), "expired at 20"));
    CHECK(has(problem(files.certificate, files.key, utc_now() - std::chrono::days{2}),
              "is not valid before 20"));
}

TEST_CASE("key pair: keys that are locked or weak, broken signatures", "[key_pair]") {
    const temporary_folder folder;
    const auto base = folder.path() + "/";
    certificate_authority::openssl({"req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:sesame", "-subj",
                                    "/CN=x", "-keyout", base + "locked.key", "-out", base + "locked.crt"});
    CHECK(problem(base + "locked.crt", base + "locked.key") ==
          "key: the key in " + base + "locked.key has a passphrase: openssl pkey takes it off");
    certificate_authority::openssl({"req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=x",
                                    "-keyout", base + "weak.key", "-out", base + "weak.crt"});
    CHECK(has(problem(base + "weak.crt", base + "weak.key"), "weak.key is too short"));

    certificate_authority authority(folder.path());
    const auto old = authority.sign("DNS:localhost", {"-sha1"});
    CHECK(has(problem(old.certificate, old.key), "signed with a broken algorithm"));
}
