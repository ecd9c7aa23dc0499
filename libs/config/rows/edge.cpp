// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string none(const circumstances&, so_far) { return {}; }

}  // namespace

// clang-format off
std::vector<row> edge_rows() { return {
    {.name = "REQUEST_TIMEOUT", .programs = api, .type = "time from 100ms to 5m", .fallback = "5s",
     .parse = into(&settings::request_timeout, parse_time<100, 5 * minute>),
     .help = "How long the API may work on a request."},
    {.name = "HTTP_HEAD_TIMEOUT", .programs = api, .type = "time from 100ms to 5m", .fallback = "5s",
     .parse = into(&settings::http_head_timeout, parse_time<100, 5 * minute>),
     .help = "How long a client may take to send the request line and the headers."},
    {.name = "HTTP_BODY_TIMEOUT", .programs = api, .type = "time from 100ms to 1h", .fallback = "1m",
     .parse = into(&settings::http_body_timeout, parse_time<100, hour>),
     .help = "How long a client may take to send a body, however large. Slower than 500 bytes/s is cut earlier."},
    {.name = "HTTP_WRITE_TIMEOUT", .programs = api, .type = "time from 100ms to 1h", .fallback = "30s",
     .parse = into(&settings::http_write_timeout, parse_time<100, hour>),
     .help = "How long a client may take to read an answer. Slower than 240 bytes/s is cut earlier."},
    {.name = "HTTP_KEEP_ALIVE", .programs = api, .type = "time from 100ms to 1h", .fallback = "15s",
     .parse = into(&settings::http_keep_alive, parse_time<100, hour>),
     .help = "How long a connection may be idle. Behind a proxy: longer than the proxy keeps its connections."},
    {.name = "HTTP_CONNECTION_AGE", .programs = api, .type = "time from 1s to 30d", .fallback = "1h",
     .parse = into(&settings::http_connection_age, parse_time<second, 30 * day>),
     .help = "An older connection is closed after its next answer, so that clients spread over processes."},
    {.name = "HTTP_REQUESTS_PER_CONNECTION", .programs = api, .type = "1-1000000000", .fallback = "1000",
     .parse = into(&settings::http_requests_per_connection, parse_number<std::size_t, 1, 1'000'000'000>),
     .help = "After so many answers a connection is closed."},
    {.name = "HTTP_REQUEST_LINE", .programs = api, .type = "size from 256 bytes to 64KiB", .fallback = "8KiB",
     .parse = into(&settings::http_request_line, parse_bytes<256, 64 * kib>),
     .help = "The longest request line; more is answered 414."},
    {.name = "HTTP_HEADERS", .programs = api, .type = "size from 1KiB to 256KiB", .fallback = "16KiB",
     .parse = into(&settings::http_headers, parse_bytes<kib, 256 * kib>),
     .help = "The largest header section; more is answered 431."},
    {.name = "HTTP_HEADER_COUNT", .programs = api, .type = "10-100", .fallback = "100",
     .parse = into(&settings::http_header_count, parse_number<std::size_t, 10, 100>),
     .help = "The most header lines; more are answered 431."},
    {.name = "MAX_CONNECTIONS", .programs = api, .type = "1-1000000", .fallback = "10000",
     .parse = into(&settings::max_connections, parse_number<std::size_t, 1, 1'000'000>),
     .help = "Client connections of the process. Each needs a file descriptor."},
    {.name = "COMPRESSION", .programs = api, .type = "on or off", .fallback = "on",
     .parse = into(&settings::compress, parse_bool),
     .help = "Answers as gzip or zstd, for clients that take them. Off where a proxy does it."},
    {.name = "TLS_CERT_FILE", .programs = api, .type = "path",
     .parse = into(&settings::tls_cert_file, parse_text), .example = "/etc/ssl/bulkhead/fullchain.pem",
     .help = "With TLS_KEY_FILE: PORT speaks HTTPS. Certificate and chain in PEM; SIGHUP reads them again."},
    {.name = "TLS_KEY_FILE", .programs = api, .type = "path",
     .parse = into(&settings::tls_key_file, parse_text), .example = "/etc/ssl/bulkhead/privkey.pem",
     .help = "The private key of TLS_CERT_FILE, in PEM and without a passphrase."},
    {.name = "TRUSTED_PROXIES", .programs = api, .type = "comma list of networks and addresses",
     .parse = into(&settings::trusted_proxies, parse_networks), .example = "10.0.0.0/8,2001:db8::/32",
     .help = "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. The client is the right-most address"
             " outside this list."},
    {.name = "RATE_LIMIT", .programs = api, .type = "count/time, comma list, or off", .fallback = "60/1m,1000/1h",
     .parse = into(&settings::rate_limit, parse_rates),
     .help = "Requests of one user, or of one address where nobody is signed in."},
    {.name = "RATE_LIMIT_AUTH", .programs = api, .type = "count/time, comma list, or off",
     .fallback = "10/1m,100/15m", .parse = into(&settings::rate_limit_auth, parse_rates),
     .help = "Signups and logins of one address."},
    {.name = "MAX_CONNECTIONS_PER_IP", .programs = api, .type = "0-1000000; 0: any number",
     .fallback = "100, any number from loopback", .computed = none,
     .parse = into(&settings::max_connections_per_ip, parse_number<std::size_t, 0, 1'000'000>), .example = "100",
     .help = "Open connections of one IPv4 address or IPv6 /64; trusted proxies may have any number."},
}; }
// clang-format on

}  // namespace bulkhead::config
