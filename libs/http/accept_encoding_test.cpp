// SPDX-License-Identifier: Apache-2.0
#include "http/accept_encoding.hpp"

#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"

using namespace bulkhead::http;

namespace {

/// What a request with these header lines is answered with.
coding chosen(std::string_view lines) {
    const limits bounds;
    const auto text = "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\n";
    request_head head;
    REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
    return accepted_codings(head).best();
}

coding chosen_of(const std::string& value) { return chosen("Accept-Encoding: " + value + "\r\n"); }

bool refuses_identity(const std::string& value) {
    const limits bounds;
    const auto text = "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + value + "\r\n\r\n";
    request_head head;
    REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
    return !accepted_codings(head).takes(coding::identity);
}

}  // namespace

TEST_CASE("accept-encoding: the best liked coding, of equals the cheapest", "[http]") {
    CHECK(chosen("") == coding::identity);
    CHECK(chosen_of("") == coding::identity);
    CHECK(chosen_of("gzip") == coding::gzip);
    CHECK(chosen_of("x-gzip") == coding::gzip);
    CHECK(chosen_of("GZip") == coding::gzip);
    CHECK(chosen_of("zstd") == coding::zstd);
    CHECK(chosen_of("gzip, deflate, br, zstd") == coding::zstd);
    CHECK(chosen_of("gzip, deflate, br") == coding::gzip);
    CHECK(chosen_of("deflate, br") == coding::identity);
    CHECK(chosen_of("*") == coding::zstd);
    CHECK(chosen("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n") == coding::gzip);
}

TEST_CASE("accept-encoding: weights", "[http]") {
    CHECK(chosen_of("gzip;q=1.0, zstd;q=0.5") == coding::gzip);
    CHECK(chosen_of("gzip;q=0.001, zstd;q=0") == coding::gzip);
    CHECK(chosen_of("gzip ; Q=0.8 , zstd ; q=0.801") == coding::zstd);
    CHECK(chosen_of("gzip;q=0") == coding::identity);
    CHECK(chosen_of("gzip;q=0.000") == coding::identity);
    CHECK(chosen_of("identity;q=1, gzip;q=0.5") == coding::identity);
    CHECK(chosen_of("identity;q=0.5, gzip;q=0.5") == coding::gzip);
    CHECK(chosen_of("*;q=0.5, zstd;q=0") == coding::gzip);
    CHECK(chosen_of("*;q=0") == coding::identity);
    CHECK(chosen_of("gzip, *;q=0") == coding::gzip);
    for (const auto* odd : {"gzip;q=2", "gzip;q=-1", "gzip;q=", "gzip;q=1.5", "gzip;q=0.0001", "gzip;q=a",
                            "gzip;x=1", "gzip;q", "gzip;q=1.001", ";q=1", ",,", "gzip q=1"})
        CHECK(chosen_of(odd) == coding::identity);
}

TEST_CASE("accept-encoding: who refuses identity", "[http]") {
    CHECK(refuses_identity("gzip, identity;q=0"));
    CHECK(refuses_identity("gzip, *;q=0"));
    CHECK(refuses_identity("*;q=0"));
    CHECK_FALSE(refuses_identity("gzip"));
    CHECK_FALSE(refuses_identity("*;q=0, identity;q=0.1"));
    CHECK(chosen_of("identity;q=0") == coding::identity);  // nothing else is taken either
}

TEST_CASE("entity tags: a coded form has one of its own, and it leads back", "[http]") {
    CHECK(coded_tag("\"5\"", coding::gzip) == "\"5-gzip\"");
    CHECK(coded_tag("\"5\"", coding::zstd) == "\"5-zstd\"");
    CHECK(coded_tag("\"5\"", coding::identity) == "\"5\"");
    CHECK(coded_tag("W/\"5\"", coding::gzip) == "W/\"5\"");
    CHECK(plain_tag("\"5-gzip\"") == std::pair(std::string("\"5\""), coding::gzip));
    CHECK(plain_tag("W/\"5-zstd\"") == std::pair(std::string("W/\"5\""), coding::zstd));
    CHECK(plain_tag("\"5\"") == std::pair(std::string("\"5\""), coding::identity));
    CHECK(plain_tag("*") == std::pair(std::string("*"), coding::identity));
}
