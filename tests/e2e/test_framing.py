# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 framing over raw sockets. A message whose end is in doubt is refused with one answer and a closed
connection: what follows it must never be taken for a second request (RFC 9112 sections 5 to 7, 9.3 and 11.2)."""
import socket
import time

import pytest

from api_client import Api, raw_exchange, statuses

# Whatever a faulty message is followed by; its answer would carry this identity.
POISON = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-ID: poison\r\n\r\n"
POST = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\n"

FAULTY = {
    # where the body ends
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "two equal lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "length list": POST + b"Content-Length: 2, 5\r\n\r\n{}",
    "length with sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "length with a dot": POST + b"Content-Length: 2.0\r\n\r\n{}",
    "length with underscore": POST + b"Content-Length: 1_0\r\n\r\n{}",
    "empty length": POST + b"Content-Length: \r\n\r\n{}",
    "length with NUL": POST + b"Content-Length: 2\x00\r\n\r\n{}",
    "length overflows": POST + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "length in words": POST + b"Content-Length: two\r\n\r\n{}",
    "unknown coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "identity coding": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked then gzip": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "gzip then chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "misspelt chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked with vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "empty coding": POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n",
    "comma chunked": POST + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
    "chunked with parameter": POST + b"Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    # chunks
    "chunk size in words": CHUNKED + b"zz\r\n",
    "empty chunk size": CHUNKED + b"\r\n\r\n",
    "negative chunk size": CHUNKED + b"-1\r\n",
    "chunk size with prefix": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk size overflows": CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    "space before chunk size": CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n",
    "bare line feed after chunk size": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"2\r\n{}x\r\n0\r\n\r\n",
    "chunk without line end": CHUNKED + b"2\r\n{}0\r\n\r\n",
    "blank behind chunk size": CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
    "line feed in extension": CHUNKED + b"2;a=\n{}\r\n0\r\n\r\n",
    "endless extension": CHUNKED + b"2;a=" + b"x" * 70_000,
    # lines and names
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "bare carriage return": GET + b"Host: x\r\nA: b\rc\r\n\r\n",
    "NUL in a value": GET + b"Host: x\r\nA: b\x00c\r\n\r\n",
    "space before colon": GET + b"Host : x\r\n\r\n",
    "space before coding's colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded line": GET + b"Host: x\r\nA: b\r\n c\r\n\r\n",
    "line that begins with space": GET + b" Host: x\r\n\r\n",
    "no colon": GET + b"Host: x\r\nnonsense\r\n\r\n",
    "empty name": GET + b"Host: x\r\n: y\r\n\r\n",
    "name with brackets": GET + b"Host: x\r\nA(b): c\r\n\r\n",
    "name beyond ASCII": GET + b"Host: x\r\nCaf\xe9: c\r\n\r\n",
    # the request line and Host
    "no host": GET + b"\r\n",
    "two hosts": GET + b"Host: x\r\nHost: y\r\n\r\n",
    "two equal hosts": GET + b"Host: x\r\nHost: x\r\n\r\n",
    "host list": GET + b"Host: x, y\r\n\r\n",
    "host with path": GET + b"Host: x/y\r\n\r\n",
    "host with user": GET + b"Host: u@x\r\n\r\n",
    "two spaces": b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab": b"GET\t/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /health\r\nHost: x\r\n\r\n",
    "trailing space": b"GET /health HTTP/1.1 \r\nHost: x\r\n\r\n",
    "lower case protocol": b"GET /health http/1.1\r\nHost: x\r\n\r\n",
    "version 2.0": b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n",
    "version 0.9": b"GET /health\r\n",
    "version 1.10": b"GET /health HTTP/1.10\r\nHost: x\r\n\r\n",
    "fragment": b"GET /health#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "byte beyond ASCII in target": b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in target": b"GET /h\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "relative target": b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "a Redis command": b"*1\r\n$4\r\nPING\r\n\r\n",
}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_framing_is_refused_and_closed(api, name):
    received, closed = raw_exchange(api, FAULTY[name] + POISON)
    assert b"poison" not in received, received
    assert len(statuses(received)) == 1, received
    assert statuses(received)[0] in (400, 414, 431, 501, 505), received
    assert closed, "the connection stayed open"
    assert b"\r\nconnection: close\r\n" in received.lower()
    assert b"application/problem+json" in received


def sized(target=b"/health", extra=b""):
    return b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + extra + b"\r\n"


@pytest.mark.parametrize("sent, status", [
    (sized(b"/" + b"a" * 8000), 404), (sized(b"/" + b"a" * 9000), 414), (sized(b"/health?" + b"a" * 70_000), 414),
    (sized(extra=b"A: " + b"b" * 17_000 + b"\r\n"), 431), (sized(extra=b"A: b\r\n" * 101), 431),
    (sized(extra=b"A: b\r\n" * 90), 200), (sized(extra=b"Expect: 200-ok\r\n"), 417)],
    ids=["target that fits", "target", "query", "header section", "header count", "many headers", "expectation"])
def test_limits_of_the_head(api, sent, status):
    received, closed = raw_exchange(api, sent)
    assert statuses(received) == [status], received[:300]
    assert closed


def test_a_large_body_is_refused_before_it_is_sent(api):
    sent = POST + b"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n"
    received, closed = raw_exchange(api, sent)
    assert statuses(received) == [413], received
    assert closed


def test_a_chunked_body_over_the_limit(api):
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    received, closed = raw_exchange(api, CHUNKED + chunk * 40 + b"0\r\n\r\n" + POISON)
    assert statuses(received) in ([413], []), received[:300]  # [] when raw_exchange gives up at the reset
    assert b"poison" not in received and closed


def test_good_bodies_are_read(api):
    body = b'{"email":"nobody@example.com","password":"wrong password"}'
    whole = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    pieces = b"".join(b"%x;ext=1\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\nTrailer: x\r\n\r\n"
    chunked = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
    for sent in (whole, chunked, b"\r\n" + whole):
        assert statuses(raw_exchange(api, sent)[0]) == [401]


def test_a_client_that_sends_on_still_reads_why_it_was_refused(api):
    """The server stops reading early, but not so abruptly that the answer is lost on its way."""
    for head in (b"Content-Length: 8000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n7a1200\r\n"):
        for _ in range(10):
            received = b""
            with socket.create_connection((api.host, api.port), timeout=30) as connection:
                try:
                    connection.sendall(POST + head + b" " * 8_000_000)
                except (ConnectionResetError, BrokenPipeError):
                    pass
                try:
                    while piece := connection.recv(65536):
                        received += piece
                except ConnectionResetError:
                    pass
            assert statuses(received) == [413], received[:300]


@pytest.mark.parametrize("target, status", [
    ("/health", 200), ("/%68ealth", 200), ("/heal%74h", 200),
    ("/%2568ealth", 404),  # decoded once
    ("/health%00", 404), ("/health%2flive", 404), ("/health%2Flive", 404), ("/health/%6cive", 200), ("/health/", 404),
    ("//health", 404), ("/./health", 404), ("/health/.", 404), ("/api/../health", 404), ("/api/%2e%2e/health", 404),
    ("/api/.%2e/health", 404), ("/api/..%2fhealth", 404), ("/%2e%2e/health", 404), ("/..%5chealth", 404),
    ("/api-docs/assets/../../openapi.json", 404), ("/api-docs/assets/..%2f..%2f..%2fetc%2fpasswd", 404),
    ("/api-docs/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404), ("/api-docs/assets/%252e%252e%252fetc%252fpasswd", 404),
    ("/api-docs/assets/index.html%00.css", 404), ("/%c0%ae%c0%ae/health", 404), ("/health%ff", 404),
    ("/HEALTH", 404), ("/health;x=y", 404), ("/health?/../x", 200), ("http://elsewhere/health", 200),
    ("http://elsewhere/api/../health", 404), ("/health%0d%0aX:%20y", 404)])
def test_a_path_means_one_thing(api, target, status):
    """Percent-encoding is decoded once, dots are never resolved, and nothing is served from a folder."""
    received, closed = raw_exchange(api, sized(target.encode()))
    assert statuses(received) == [status], received[:300]
    assert closed and b"\r\nX: y" not in received


def test_a_higher_minor_version_is_served(api):
    received, _ = raw_exchange(api, b"GET /health HTTP/1.7\r\nHost: x\r\n\r\n" + sized())
    assert statuses(received) == [200, 200]


def test_the_limits_are_settings(stack):
    url = stack.launch_another_api(
        HTTP_REQUEST_LINE="300", HTTP_HEADERS="1KiB", HTTP_HEADER_COUNT="10", HTTP_REQUESTS_PER_CONNECTION="3",
        HTTP_HEAD_TIMEOUT="300ms", HTTP_BODY_TIMEOUT="400ms", HTTP_KEEP_ALIVE="500ms")
    try:
        api = Api(url)
        get = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        assert statuses(raw_exchange(api, sized(b"/" + b"a" * 270))[0]) == [404]
        assert statuses(raw_exchange(api, sized(b"/" + b"a" * 300))[0]) == [414]
        assert statuses(raw_exchange(api, sized(extra=b"A: " + b"b" * 900 + b"\r\n"))[0]) == [200]
        assert statuses(raw_exchange(api, sized(extra=b"A: " + b"b" * 1024 + b"\r\n"))[0]) == [431]
        assert statuses(raw_exchange(api, sized(extra=b"A: b\r\n" * 8))[0]) == [200]
        assert statuses(raw_exchange(api, sized(extra=b"A: b\r\n" * 9))[0]) == [431]
        received, closed = raw_exchange(api, get * 5)
        assert statuses(received) == [200] * 3 and closed
        # A fresh connection each, which the defaults would keep open for longer than raw_exchange waits.
        assert raw_exchange(api, b"GET / HTTP/1.1\r\n", timeout=4)[1]
        assert raw_exchange(api, get, timeout=10)[1]
        received, closed = raw_exchange(api, POST + b"Content-Length: 5\r\n\r\n{", timeout=8)
        assert statuses(received) == [408] and closed
    finally:
        problem = stack.services.pop().stop()
    assert not problem, problem


def test_100_continue(api):
    body = b'{"email":"nobody@example.com","password":"wrong password"}'
    with socket.create_connection((api.host, api.port), timeout=8) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_pipelined_requests_are_answered_in_order(api):
    sent = b"".join(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-ID: nr-%d\r\n\r\n" % n for n in range(50))
    received, _ = raw_exchange(api, sent + sized())
    assert statuses(received) == [200] * 51
    places = [received.index(b"nr-%d\r\n" % n) for n in range(50)]
    assert places == sorted(places)


def test_a_body_is_never_taken_for_a_request(api):
    received, _ = raw_exchange(api, POST + b"Content-Length: %d\r\n\r\n" % len(POISON) + POISON + sized())
    assert statuses(received) == [400, 200], received
    assert b"poison" not in received


def test_http_1_0_closes(api):
    received, closed = raw_exchange(api, b"GET /health HTTP/1.0\r\nHost: x\r\n\r\n" + POISON)
    assert statuses(received) == [200] and closed


def test_trailers_do_not_become_headers(api, person):
    sent = (b"GET /api/auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            b"Authorization: Bearer " + person.token.encode() + b"\r\n\r\n")
    assert statuses(raw_exchange(api, sent)[0]) in ([401], [400])


def test_a_slow_head_is_given_up(api):
    start = time.monotonic()
    received, closed = raw_exchange(api, b"GET /health HTTP/1.1\r\nHost: x\r\n", timeout=15)
    assert closed and time.monotonic() - start < 12
    assert statuses(received) in ([408], [])


def test_clients_that_leave_do_no_harm(api):
    for sent in (b"", b"GET", POST, POST + b"Content-Length: 100\r\n\r\n{", CHUNKED + b"5\r\n{"):
        for _ in range(5):
            with socket.create_connection((api.host, api.port), timeout=5) as connection:
                connection.sendall(sent)
    assert api.get("/health").status == 200
