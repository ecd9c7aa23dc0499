// SPDX-License-Identifier: Apache-2.0
// All tables of strictness.hpp as whole requests. The bytes that no table can spell out because they are long
// stand here, too.
#pragma once

#include <string>
#include <vector>

#include "http/testing/strictness_body.hpp"
#include "http/testing/strictness_headers.hpp"
#include "http/testing/strictness_message.hpp"
#include "http/testing/strictness_request_line.hpp"

namespace bulkhead::http::testing {

struct strict_case {
    std::string name, source, bytes;
    fate wanted;
    std::string body, path;
};

inline constexpr strict_subject strict_subjects[] = {
    {"request line", "", "\r\nHost: a\r\n\r\n", request_line_rows},
    {"target", "GET ", " HTTP/1.1\r\nHost: a\r\n\r\n", target_rows},
    {"host", "GET / HTTP/1.1\r\nHost: ", "\r\n\r\n", host_rows},
    {"authority", "GET http://", " HTTP/1.1\r\nHost: a\r\n\r\n", host_rows},
    {"header", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n", header_rows},
    {"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ", "\r\n\r\nhello", length_rows},
    {"coding", "POST / HTTP/1.1\r\nTransfer-Encoding:", "\r\nHost: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     coding_rows},
    {"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "", chunk_rows},
    {"message", "", "", message_rows},
};

/// What goes over a limit, and what just does not, under the default limits.
inline std::vector<strict_case> long_cases() {
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n", end = "\r\n\r\n",
                      get_end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto many = [](std::size_t count, std::string_view text) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) out += text;
        return out;
    };
    const auto a = [](std::size_t count) { return std::string(count, 'a'); };
    std::vector<strict_case> out{
        {"target of 8000 bytes", "9110 4.1", "GET /" + a(7999) + get_end, fate::served, "", "/" + a(7999)},
        {"target of 100 KB", "probe MAL", "GET /" + a(100'000) + get_end, fate::long_line, "", ""},
        {"query of 100 KB", "9110 15.5.15", "GET /?" + a(100'000) + get_end, fate::long_line, "", ""},
        {"absolute form of 100 KB", "9110 15.5.15", "GET http://a/" + a(100'000) + get_end, fate::long_line,
         "", ""},
        {"method of 100 KB", "probe MAL", a(100'000) + " /" + get_end, fate::malformed, "", ""},
        {"spaces of 100 KB", "ours", "GET" + many(100'000, " ") + "/" + get_end, fate::long_line, "", ""},
        {"value of 8 KB", "ours", get + "X: " + a(8000) + end, fate::served, "", "/"},
        {"value of 100 KB", "probe MAL", get + "X: " + a(100'000) + end, fate::long_headers, "", ""},
        {"name of 100 KB", "probe MAL", get + a(100'000) + ": x" + end, fate::long_headers, "", ""},
        {"Cookie of 64 KB", "probe COOK", get + "Cookie: a=" + a(65'536) + end, fate::long_headers, "", ""},
        {"1000 cookies", "probe COOK", get + "Cookie: " + many(1000, "a=b; ") + end, fate::served, "", "/"},
        {"1000 ranges", "probe MAL", get + "Range: bytes=0-1" + many(1000, ",0-1") + end, fate::served, "",
         "/"},
        {"100 lines", "5", get + many(98, "X: y\r\n") + "X: y" + end, fate::served, "", "/"},
        {"101 lines", "5", get + many(99, "X: y\r\n") + "X: y" + end, fate::long_headers, "", ""},
        {"10 000 lines", "probe MAL", get + many(10'000, "X: y\r\n") + end, fate::long_headers, "", ""},
        {"extension of 64 KB", "probe MAL", chunked + "5;" + a(65'536) + "\r\nhello\r\n0" + end,
         fate::malformed, "", ""},
        {"quoted extension of 64 KB", "probe MAL", chunked + "5;a=\"" + a(65'536), fate::malformed, "", ""},
        {"blanks of 64 KB in an extension", "ours", chunked + "5" + many(65'536, " ") + ";a", fate::malformed,
         "", ""},
        {"chunk size of 64 KB", "ours", chunked + many(65'536, "0") + "\r\n\r\n", fate::malformed, "", ""},
        {"trailer of 64 KB", "ours", chunked + "0\r\nX: " + a(65'536) + end, fate::long_headers, "", ""},
        {"16 trailers", "ours", chunked + "0\r\n" + many(16, "X: y\r\n") + "\r\n", fate::served, "", "/"},
        {"17 trailers", "ours", chunked + "0\r\n" + many(17, "X: y\r\n") + "\r\n", fate::long_headers, "",
         ""},
        {"64 chunks of a byte", "ours", chunked + many(64, "1\r\na\r\n") + "0\r\n\r\n", fate::served, a(64),
         "/"},
        {"Content-Length of 100 digits", "9110 8.6",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + many(100, "1") + end, fate::malformed, "", ""},
        {"Host of 300 bytes", "ours", "GET / HTTP/1.1\r\nHost: " + a(300) + end, fate::served, "", "/"},
    };
    for (auto& each : out) each.name = "long: " + each.name;
    return out;
}

inline std::vector<strict_case> strictness_cases() {
    auto out = long_cases();
    for (const auto& subject : strict_subjects) {
        for (const auto& row : subject.rows) {
            // Behind an authority a path or a query may follow.
            if (subject.name == "authority" && (row.text == "a/path" || row.text == "a?x")) continue;
            out.push_back({std::string(subject.name) + ": " + std::string(row.name), std::string(row.source),
                           std::string(subject.before).append(row.text).append(subject.after), row.wanted,
                           std::string(row.body), std::string(row.path)});
        }
    }
    return out;
}

}  // namespace bulkhead::http::testing
