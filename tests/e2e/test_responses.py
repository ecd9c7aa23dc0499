# SPDX-License-Identifier: Apache-2.0
"""The rules of RFC 9110 and 9112 for answers, on every route of the document: read from the raw bytes, since clients
forgive. Each exchange ends with a second request that shows whether the first answer ended where it said."""
import calendar
import json
import re
import socket
import time

import pytest

from api_client import unique
from openapi_samples import operations

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?|")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
LAST = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-ID: last\r\nConnection: close\r\n\r\n"
WITHOUT_CONTENT = (204, 304)


class RawAnswer:
    """The first answer in `received`; what follows it is `rest`."""

    def __init__(self, method, received):
        assert b"\r\n\r\n" in received, received[:300]
        head, self.rest = received.split(b"\r\n\r\n", 1)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        parts = re.fullmatch(r"HTTP/1\.1 ([1-5]\d\d) [\t\x20-\x7e]*", status_line)
        assert parts, status_line
        self.method, self.status, self.lines = method, int(parts[1]), [line.split(":", 1) for line in lines]
        assert all(len(line) == 2 for line in self.lines), lines
        self.lines = [(name.lower(), value.strip(" ")) for name, value in self.lines]
        lengths = self.values("content-length")
        self.announced = int(lengths[0]) if lengths else 0
        has_content = method != "HEAD" and self.status not in WITHOUT_CONTENT
        self.content = self.rest[:self.announced] if has_content else b""
        self.rest = self.rest[len(self.content):]

    def values(self, name):
        return [value for each, value in self.lines if each == name]

    def __repr__(self):
        return f"{self.method} -> {self.status} {self.lines} {self.content[:300]!r}"


def ask(api, method, path, headers=None, body=b""):
    """The answer to one request, checked, and the connection with it."""
    sent = {"Host": "x"} | (headers or {})
    if body:
        sent["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    received = b""
    with socket.create_connection((api.host, api.port), timeout=60) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body + LAST)
        while piece := connection.recv(65536):
            received += piece
    answer = RawAnswer(method, received)
    check(answer)
    if "close" in answer.values("connection"):
        assert answer.rest == b"", answer
    else:
        last = RawAnswer("GET", answer.rest)
        assert last.values("x-request-id") == ["last"] and last.rest == b"", (answer, last)
    return answer


def check(answer):
    names = [name for name, _ in answer.lines]
    assert all(TOKEN.fullmatch(name) and VALUE.fullmatch(value) for name, value in answer.lines), answer
    repeated = {name for name in names if names.count(name) > 1} - {"set-cookie"}
    assert not repeated, answer
    check_framing(answer)
    assert len(answer.values("date")) == 1 and DATE.fullmatch(answer.values("date")[0]), answer
    told = calendar.timegm(time.strptime(answer.values("date")[0], "%a, %d %b %Y %H:%M:%S GMT"))
    assert abs(told - time.time()) < 60, answer
    assert "strict-transport-security" not in names, answer  # RFC 6797 7.2: not over plain HTTP
    wanted = {201: "location", 401: "www-authenticate", 405: "allow", 426: "upgrade", 503: "retry-after"}
    if answer.status in wanted:
        assert answer.values(wanted[answer.status]), answer
    if answer.status == 304:
        assert answer.values("etag"), answer


def check_framing(answer):
    """Where the answer ends (RFC 9112 section 6, 9110 section 8.6)."""
    assert answer.values("transfer-encoding") == [], answer
    if answer.status in WITHOUT_CONTENT:
        assert answer.values("content-length") == [] or answer.status == 304, answer
    else:
        assert len(answer.values("content-length")) == 1, answer
        assert re.fullmatch(r"0|[1-9]\d*", answer.values("content-length")[0]), answer
    if answer.content or (answer.method == "HEAD" and answer.announced):
        types = answer.values("content-type")
        assert len(types) == 1 and re.match(r"[a-z]+/[a-z+.-]+(; charset=utf-8)?$", types[0]), answer
    if answer.content and answer.method != "HEAD" and "json" in answer.values("content-type")[0]:
        json.loads(answer.content)


@pytest.fixture(scope="module")
def document(api):
    return api.get("/openapi.json").json


@pytest.fixture(scope="module")
def tokens(api, stack):
    return {"nobody": None, "user": api.sign_up().token, "platform": stack.env["PLATFORM_ADMIN_TOKEN"]}


def test_every_route_answers_by_the_rules(api, document, tokens):
    seen = {}
    for row in operations(document):
        body = row.body()
        if body is not None and "email" in body:
            body["email"] = f"{unique('rules')}@example.com"
        path = row.path_with("0197c5a0-0000-7000-8000-000000000000")
        for token in tokens.values():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            typed = headers | {"Content-Type": "application/json"}
            good = json.dumps(body).encode() if body is not None else b""
            for sent, more in ((good, typed), (b"{", typed), (b'{"unknown":1}', typed), (b"x" * 100, headers),
                               (good, typed | {"If-Match": '"x"'})):
                answer = ask(api, row.method, path, more, sent)
                seen[answer.status] = seen.get(answer.status, 0) + 1
    assert {200, 400, 401, 404, 415, 422} - set(seen) == set(), seen


def test_every_path_knows_its_methods(api, document):
    for path, item in document["paths"].items():
        path = re.sub(r"\{[^}]+\}", "0197c5a0-0000-7000-8000-000000000000", path)
        offered = {method.upper() for method in item if method != "parameters"}
        expected = offered | {"OPTIONS"} | ({"HEAD"} if "GET" in offered else set())
        options = ask(api, "OPTIONS", path)
        assert options.status == 204 and set(options.values("allow")[0].split(", ")) == expected, (path, options)
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - expected:
            refused = ask(api, method, path)
            assert refused.status == 405, (path, refused)
            assert set(refused.values("allow")[0].split(", ")) == expected, (path, refused)


def test_head_is_get_without_content(api, document, tokens):
    varying = {"date", "x-request-id", "content-length", "age"}
    for row in operations(document):
        if row.method != "GET":
            continue
        path = row.path_with("0197c5a0-0000-7000-8000-000000000000")
        for token in tokens.values():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            get, head = ask(api, "GET", path, headers), ask(api, "HEAD", path, headers)
            assert head.status == get.status, (get, head)
            kept = [{line for line in each.lines if line[0] not in varying} for each in (get, head)]
            assert kept[0] == kept[1], (get, head)
            if row.path in ("/", "/openapi.json", "/api-docs"):
                assert head.announced == get.announced > 0, (get, head)


def test_answers_without_content(api, person):
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
    made = ask(api, "POST", "/api/tasks", headers, b'{"title":"short-lived"}')
    assert made.status == 201
    path = made.values("location")[0]
    got = ask(api, "GET", path, headers)
    unchanged = ask(api, "GET", path, headers | {"If-None-Match": got.values("etag")[0]})
    if unchanged.status == 304:
        assert unchanged.values("etag") == got.values("etag")
    gone = ask(api, "DELETE", path, headers)
    assert gone.status == 204 and ask(api, "GET", path, headers).status == 404
    page = ask(api, "GET", "/api-docs/assets/swagger-ui.css")
    assert page.status == 200
    again = ask(api, "GET", "/api-docs/assets/swagger-ui.css", {"If-None-Match": page.values("etag")[0]})
    assert again.status == 304 and again.values("etag") == page.values("etag")
    star = ask(api, "OPTIONS", "*")
    assert star.status == 204 and "GET" in star.values("allow")[0]


@pytest.mark.parametrize("sent, status", [
    (b"NONSENSE\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505), (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", 417),
    (b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", 413),
    (b"HEAD / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400), (b"HEAD /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414)],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value)
def test_refusals_by_the_parser_obey_them_too(api, sent, status):
    received = b""
    with socket.create_connection((api.host, api.port), timeout=60) as connection:
        connection.sendall(sent)
        while piece := connection.recv(65536):
            received += piece
    answer = RawAnswer(sent.split(b" ")[0].decode(), received)
    check(answer)
    assert (answer.status, answer.values("connection"), answer.rest) == (status, ["close"], b""), answer
