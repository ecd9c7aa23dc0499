// SPDX-License-Identifier: Apache-2.0
#include "mail/header_text.hpp"

#include "base/encoding.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace bulkhead::mail;

namespace {

/// What a reader makes of encoded words, one a line; each must be UTF-8 by itself and fit its line.
std::string decoded(std::string_view header) {
    std::string out;
    std::size_t words_begin = header.find(' ') + 1;
    for (auto line : split(header, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        CHECK(line.size() <= 76);
        line.remove_prefix(words_begin);
        words_begin = 1;
        REQUIRE(line.starts_with("=?utf-8?B?"));
        REQUIRE(line.ends_with("?="));
        CHECK(line.size() <= 75);
        const auto bytes = from_base64(line.substr(10, line.size() - 12));
        REQUIRE(bytes);
        CHECK(is_utf8(*bytes));
        out += *bytes;
    }
    return out;
}

}  // namespace

TEST_CASE("header: ASCII stands as it is", "[mail]") {
    CHECK(text_header("Subject", "Hello, world") == "Subject: Hello, world");
    CHECK(address_header("To", "", "ada@example.com") == "To: ada@example.com");
    CHECK(address_header("To", "Ada Lovelace", "ada@example.com") ==
          "To: Ada Lovelace\r\n <ada@example.com>");
}

TEST_CASE("header: names with other characters are quoted", "[mail]") {
    CHECK(address_header("To", "Lovelace, Ada", "a@b.cc") == "To: \"Lovelace, Ada\"\r\n <a@b.cc>");
    CHECK(address_header("To", R"(a"b\c)", "a@b.cc") == "To: \"a\\\"b\\\\c\"\r\n <a@b.cc>");
    CHECK(address_header("To", "x <evil@b.cc>", "a@b.cc") == "To: \"x <evil@b.cc>\"\r\n <a@b.cc>");
}

TEST_CASE("header: long lines are folded at blanks", "[mail]") {
    std::string words = "one";
    for (int i = 0; i < 60; ++i) words += " word" + std::to_string(i);
    const auto line = text_header("Subject", words);
    std::string joined;
    for (auto piece : split(line, '\n')) {
        if (piece.ends_with('\r')) piece.remove_suffix(1);
        CHECK(piece.size() <= 78);
        joined += piece;
    }
    CHECK(joined == "Subject: " + words);
}

TEST_CASE("header: what is not ASCII, or would not survive, becomes encoded words", "[mail]") {
    std::string long_text;
    for (int i = 0; i < 40; ++i) long_text += "Grüße \U0001F30D ";
    for (const std::string& text :
         {std::string("Grüße"), long_text, std::string("=?utf-8?Q?=41?="), std::string("two  blanks"),
          std::string(" at the ends "), std::string(300, 'x')}) {
        INFO(text);
        CHECK(decoded(text_header("Subject", text)) == text);
    }
}

TEST_CASE("header: one line is UTF-8 without controls", "[mail]") {
    CHECK(is_one_line("Grüße \u00a0 \u2027 \U0001F30D"));
    for (const auto* const text :
         {"a\rb", "a\nb", "a\tb", "\x7f", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xff", "\xc3"}) {
        INFO(text);
        CHECK(!is_one_line(text));
    }
    CHECK(!is_one_line(std::string_view("a\0b", 3)));
}

TEST_CASE("header: dates have a numeric zone", "[mail]") {
    CHECK(header_date(*parse_rfc3339("1994-11-06T08:49:37Z")) == "Sun, 06 Nov 1994 08:49:37 +0000");
}
