// SPDX-License-Identifier: Apache-2.0
// Attempts to hide a request in the body of another one: in each family one line is obfuscated, by every byte
// at every place and by random edits. Whoever reads the line differently than the rest of the chain would see
// the canary, which is always inside the body of the first request. Deterministic for a seed.
#pragma once

#include <cctype>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "http/testing/read_stream.hpp"

namespace bulkhead::http::testing {

inline const std::string canary_request = "GET /canary HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string after_request = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";

/// What the reader may do with the first request when its line is no longer the one of the family.
enum class line_role {
    second_framing,  // another line frames the body: refused, unless this one got another name
    only_framing,    // frames the body alone: under another name it is not there
    size_of_chunk,   // may become another size
    plain,           // frames nothing
};

struct mutation_family {
    std::string name, before, line, after;
    line_role role;
    std::string body;  // of the first request as it is meant
};

inline std::vector<mutation_family> mutation_families() {
    const std::string post = "POST /first HTTP/1.1\r\nHost: a\r\n", te = "Transfer-Encoding: chunked";
    const std::string chunk = "21\r\n" + canary_request + "\r\n0\r\n\r\n";  // 0x21 bytes
    const std::string ended = "0\r\n\r\n" + canary_request;  // an early end, for who reads chunks
    const auto length = [](std::size_t n) { return "Content-Length: " + std::to_string(n); };
    const auto whole = length(ended.size()), short_one = length(4), none = length(0);
    const auto alone = length(canary_request.size());
    using enum line_role;
    std::vector<mutation_family> out;
    const auto add = [&](std::string name, std::string before, std::string line, std::string after,
                         line_role role, const std::string& body) {
        out.push_back(
            {std::move(name), std::move(before), std::move(line), after + after_request, role, body});
    };
    const std::string nl = "\r\n", end = "\r\n\r\n";
    add("length, then coding", post + whole + nl, te, end + ended, second_framing, ended);
    add("coding, then length", post, te, nl + whole + end + ended, second_framing, ended);
    add("chunked, then length", post + te + nl, short_one, end + chunk, second_framing, canary_request);
    add("length, then chunked", post, short_one, nl + te + end + chunk, second_framing, canary_request);
    add("length, then zero", post + alone + nl, none, end + canary_request, second_framing, canary_request);
    add("zero, then length", post, none, nl + alone + end + canary_request, second_framing, canary_request);
    add("chunked, then identity", post + te + nl, "Transfer-Encoding: identity", end + chunk, second_framing,
        canary_request);
    add("identity, then chunked", post, "Transfer-Encoding: identity", nl + te + end + chunk, second_framing,
        canary_request);
    add("only a length", post, alone, end + canary_request, only_framing, canary_request);
    add("only a coding", post, te, end + chunk, only_framing, canary_request);
    const auto chunked = post + te + end;
    add("chunk size", chunked, "21", nl + canary_request + "\r\n0\r\n\r\n", size_of_chunk, canary_request);
    add("chunk extension", chunked, "21;a=b;c=\"d\"", nl + canary_request + "\r\n0\r\n\r\n", size_of_chunk,
        canary_request);
    add("end of a chunk", chunked + "21\r\n" + canary_request, "\r\n", "0\r\n\r\n", size_of_chunk,
        canary_request);
    add("last chunk", chunked + "21\r\n" + canary_request + nl, "0;a", "\r\nX: GET /canary HTTP/1.1\r\n\r\n",
        size_of_chunk, canary_request);
    add("trailer", chunked + "21\r\n" + canary_request + "\r\n0\r\n", "X: GET /canary HTTP/1.1", end, plain,
        canary_request);
    add("request line", "", "POST /first HTTP/1.1", "\r\nHost: a\r\n" + alone + end + canary_request, plain,
        canary_request);
    add("host", "POST /first HTTP/1.1\r\n", "Host: a", nl + alone + end + canary_request, plain,
        canary_request);
    add("expectation", post + alone + nl, "Expect: 100-continue", end + canary_request, plain,
        canary_request);
    add("another header", post + alone + nl, "X: GET /canary HTTP/1.1", end + canary_request, plain,
        canary_request);
    add("connection", post + alone + nl, "Connection: keep-alive, Content-Length", end + canary_request,
        plain, canary_request);
    return out;
}

struct mutation {
    const mutation_family* family;
    std::string line;
    [[nodiscard]] std::string wire() const { return family->before + line + family->after; }
};

/// Every byte inserted before, and put in the place of, every character of the family's line.
template <class Visit>
void for_each_byte_mutation(const mutation_family& family, Visit visit) {
    const auto& text = family.line;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            auto inserted = text, replaced = text;
            visit(mutation{&family, inserted.insert(at, 1, static_cast<char>(byte))});
            if (at == text.size()) continue;
            replaced[at] = static_cast<char>(byte);
            visit(mutation{&family, std::move(replaced)});
        }
    }
}

/// Two to four edits with what such attacks are made of.
inline std::string edited(std::string line, std::mt19937& random) {
    static const std::vector<std::string> pieces{" ",
                                                 "\t",
                                                 "\x0b",
                                                 "\x0c",
                                                 "\r",
                                                 "\n",
                                                 "\r\n",
                                                 "\r\n ",
                                                 "\n ",
                                                 std::string(1, '\0'),
                                                 "\x7f",
                                                 "\x85",
                                                 "\xa0",
                                                 "\xff",
                                                 ",",
                                                 ";",
                                                 ":",
                                                 "\"",
                                                 "'",
                                                 "=",
                                                 "_",
                                                 "-",
                                                 "+",
                                                 "0",
                                                 "0x",
                                                 "chunked",
                                                 "identity",
                                                 "gzip",
                                                 ", chunked",
                                                 "chunked, ",
                                                 "X: y\r\n",
                                                 "\r\nX: y",
                                                 "\r\nX:",
                                                 "Content-Length: 0\r\n",
                                                 "Transfer-Encoding: chunked\r\n"};
    const auto edits = 2 + random() % 3;
    for (unsigned i = 0; i < edits; ++i) {
        const auto at = random() % (line.size() + 1);
        switch (random() % 4) {
            case 0: line.insert(at, 1, static_cast<char>(random())); break;
            case 1: line.erase(at, 1 + random() % 2); break;
            case 2:
                if (at < line.size()) line[at] = static_cast<char>(line[at] ^ 0x20);
                break;
            default: line.insert(at, pieces[random() % pieces.size()]);
        }
    }
    return line;
}

/// Never one that ends the head: then the rest would be another message by everybody's rules.
inline mutation random_mutation(const mutation_family& family, std::mt19937& random) {
    for (;;) {
        auto line = edited(family.line, random);
        if (("\r\n" + line + "\r\n").find("\r\n\r\n") == std::string::npos) return {&family, std::move(line)};
    }
}

/// The line is a header of another name, by the only rule there is: a name is the token before the colon.
inline bool is_renamed(const mutation& m) {
    const auto name_of = [](std::string_view line) { return line.substr(0, line.find(':')); };
    const auto name = name_of(m.line);
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    if (name.empty() || name.size() == m.line.size()) return false;
    for (unsigned char c : name)
        if (!(c < 0x80 && (std::isalnum(c) || marks.find(static_cast<char>(c)) != std::string_view::npos)))
            return false;
    return !iequals(name, name_of(m.family->line));
}

/// Empty when what was read is honest, else what is wrong. `one_line`: the mutation has not added lines.
inline std::string_view verdict_on(const mutation& m, const read_stream_result& seen, bool one_line) {
    const auto& requests = seen.requests;
    const bool hidden = m.family->role == line_role::only_framing && (is_renamed(m) || !one_line);
    for (const auto& each : requests)
        if (each.path.find("canary") != std::string::npos && !hidden)
            return "the canary was taken for a request";
    if (requests.size() > 1 && !hidden) {
        if (requests.back().path != "/after" || seen.end != stream_end::clean || requests.size() != 2)
            return "the request behind was not read as sent";
        // Another length is a shorter body for everybody; then the rest is no request.
        const auto& body = requests.front().body;
        const bool may_be_shorter = m.family->role == line_role::only_framing;
        if (may_be_shorter ? !m.family->body.starts_with(body) : body != m.family->body)
            return "the body is not the one that was sent";
    }
    if (!requests.empty() && one_line && m.family->role == line_role::second_framing && !is_renamed(m))
        return "a second framing line was overlooked";
    return {};
}

}  // namespace bulkhead::http::testing
