// SPDX-License-Identifier: Apache-2.0
// Whole requests for strictness.hpp: line ends, what belongs together, what is not HTTP. Constant data.
#pragma once

#include "http/testing/strictness.hpp"

namespace bulkhead::http::testing {

using namespace std::string_view_literals;

// clang-format off
inline constexpr strict_row message_rows[] = {
    {"nothing", "probe MAL", "", fate::unfinished},
    {"one letter", "probe MAL", "G", fate::unfinished},
    {"only the request line", "probe MAL", "GET / HTTP/1.1\r\n", fate::unfinished},
    {"no empty line", "probe MAL", "GET / HTTP/1.1\r\nHost: a\r\n", fate::unfinished},
    {"half a header line", "probe MAL", "GET / HTTP/1.1\r\nHost: a\r\nX: y", fate::unfinished},
    {"half the empty line", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\r", fate::unfinished},
    {"HTTP/0.9", "probe RFC9112-2.3", "GET /\r\n"},
    {"no Host", "9112 3.2", "GET / HTTP/1.1\r\n\r\n"},
    {"no Host in HTTP/1.2", "9112 3.2", "GET / HTTP/1.2\r\n\r\n"},
    {"no Host in HTTP/1.0", "probe COMP", "GET / HTTP/1.0\r\n\r\n", fate::served},
    {"two Hosts in HTTP/1.0", "9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"invalid Host in HTTP/1.0", "9112 3.2", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n"},
    {"absolute form without Host", "9112 3.2", "GET http://b/ HTTP/1.1\r\n\r\n"},
    {"absolute form with an invalid Host", "9112 3.2", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"absolute form with two Hosts", "9112 3.2", "GET http://b/ HTTP/1.1\r\nHost: b\r\nHost: b\r\n\r\n"},
    {"length in HTTP/1.0", "9112 6.3", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", fate::served, "hello"},
    {"chunked in HTTP/1.0", "9112 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"other coding in HTTP/1.0", "9112 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"},
    {"chunked and kept alive in HTTP/1.0", "9112 6.1",
     "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"Expect in HTTP/1.0 is ignored", "9110 10.1.1",
     "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", fate::served, "x"},
    {"Upgrade in HTTP/1.0 is ignored", "9110 7.8",
     "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", fate::served},
    {"chunked in HTTP/1.2", "9110 2.5",
     "POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", fate::served, "x"},
    {"body of a GET", "9110 9.3.1", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", fate::served, "hi"},
    {"body of a HEAD", "probe SMUG", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", fate::served, "hi"},
    {"body of an OPTIONS", "probe SMUG", "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", fate::served, "hi"},
    {"body of a DELETE", "9110 9.3.5",
     "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", fate::served, "x"},
    {"body of a TRACE", "probe COMP", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", fate::unknown},
    {"Upgrade and a body", "probe COMP",
     "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi", fate::served, "hi"},
    {"one empty line first", "9112 2.2", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", fate::served},
    {"two empty lines first", "9112 2.2", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", fate::served},
    {"three empty lines first", "ours", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"LF first", "9112 2.2", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR first", "9112 2.2", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"line of blanks first", "9112 2.2", " \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"NUL first", "ours", "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"byte order mark first", "ours", "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"LFs for all line ends", "9112 2.2", "GET / HTTP/1.1\nHost: a\n\n"},
    {"LF behind the request line", "probe RFC9112-2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"LF behind a header line", "probe RFC9112-2.2", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"LF as empty line", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"CR behind the request line", "probe RFC9112-3", "GET / HTTP/1.1\rHost: a\r\n\r\n"},
    {"CRs for all line ends", "probe RFC9112-3", "GET / HTTP/1.1\rHost: a\r\r\r\n"},
    {"LF CR for line ends", "ours", "GET / HTTP/1.1\n\rHost: a\n\r\n\r"},
    {"line of a blank before the headers", "probe COMP", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"},
    {"blank before the first header", "9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"tab before the first header", "garden 4", "GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: a\r\n\r\nX"},
    {"only a colon in the first header", "garden 27", "GET / HTTP/1.1\r\n:\r\nHost: a\r\n\r\n"},
    {"line of a blank as the end", "9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"},
    {"greeting of TLS", "ours", "\x16\x03\x01\x02"},
    {"greeting of SSL 2", "ours", "\x80\x2e\x01"},
    {"the preface of HTTP/2", "probe MAL", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", fate::version},
    {"command of Redis", "ours", "*1\r\n$4\r\nPING\r\n"},
    {"greeting of SMTP", "ours", "EHLO a\r\n"},
    {"greeting of SSH", "ours", "SSH-2.0-OpenSSH_9.2\r\n"},
    {"a response", "llhttp", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"line of PROXY protocol", "ours", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"binary garbage", "probe MAL", "\x01\x02\xff\xfe\0\r\n\r\n"sv},
    {"part of the next request", "9112 9.3.2", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", fate::followed},
    {"letter behind an empty body", "probe SMUG", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nX", fate::followed},
    {"letter behind a chunked body", "garden x3",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", fate::followed},
    {"announced body without a length", "garden 48", "POST / HTTP/1.1\r\nHost: a\r\n\r\nhello", fate::followed},
};
// clang-format on

}  // namespace bulkhead::http::testing
