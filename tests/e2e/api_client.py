# SPDX-License-Identifier: Apache-2.0
"""A small HTTP client for the tests, and what every answer must be like. One connection per request, so that a
server that breaks one connection cannot hide it from the next test."""
import http.client
import itertools
import json
import re
import socket
import urllib.parse

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)

# What every answer tells browsers, whoever made it.
STANDING_HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Origin-Agent-Cluster": "?1", "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff", "X-DNS-Prefetch-Control": "off", "X-Download-Options": "noopen",
    "X-Frame-Options": "DENY", "X-Permitted-Cross-Domain-Policies": "none", "X-XSS-Protection": "0"}


def unique(prefix):
    """A text that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


class Answer:
    def __init__(self, method, path, status, headers, body):
        self.method, self.path, self.status, self.headers, self.body = method, path, status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def media_type(self):
        return (self.headers.get("Content-Type") or "").split(";")[0]

    def __repr__(self):
        return f"{self.method} {self.path} -> {self.status} {dict(self.headers.items())} {self.body[:600]!r}"


class Api:
    """Requests to one base URL. `token` and `tenant` are sent with each of them; `asking` gives a changed copy."""

    def __init__(self, url, token=None, tenant=None, timeout=20):
        parts = urllib.parse.urlsplit(url)
        self.url, self.host, self.port = url, parts.hostname, parts.port
        self.token, self.tenant, self.timeout = token, tenant, timeout

    def asking(self, **changes):
        return Api(self.url, **({"token": self.token, "tenant": self.tenant, "timeout": self.timeout} | changes))

    def request(self, method, path, json_body=None, body=None, headers=None):
        """`json_body` is encoded, `body` goes as it is. A header given as None is left out."""
        sent = {}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.tenant is not None:
            sent["X-Tenant-ID"] = self.tenant
        if json_body is not None:
            body = json.dumps(json_body)
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            try:
                connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused while the body was on its way; the answer has come before
            response = connection.getresponse()
            answer = Answer(method, path, response.status, response.headers, response.read())
        finally:
            connection.close()
        check_answer(answer, sent)
        return answer

    def get(self, path, **query_and_more):
        headers = query_and_more.pop("headers", None)
        if query_and_more:
            path += "?" + urllib.parse.urlencode(query_and_more)
        return self.request("GET", path, headers=headers)

    def post(self, path, json_body=None, **more):
        return self.request("POST", path, json_body, **more)

    def put(self, path, json_body=None, **more):
        return self.request("PUT", path, json_body, **more)

    def patch(self, path, json_body=None, **more):
        return self.request("PATCH", path, json_body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def sign_up(self, email=None, name="Test Person", password=PASSWORD):
        """A new user; an Api that speaks as this user, with `user` and `email` set."""
        email = email or f"{unique('user')}@example.com"
        answer = self.post("/api/auth/signup", {"email": email, "password": password, "name": name})
        assert answer.status == 201, answer
        person = self.asking(token=answer.json["access_token"])
        person.user, person.email = answer.json["user"], email
        return person


def check_answer(answer, sent):
    """What holds for every answer, whatever it was asked."""
    identity = answer.headers.get_all("X-Request-ID") or []
    assert len(identity) == 1 and identity[0], answer
    wanted = sent.get("X-Request-ID")
    if isinstance(wanted, str) and re.fullmatch(r"[A-Za-z0-9._:+-]{1,128}", wanted):
        assert identity[0] == wanted, answer
    assert answer.status != 500, answer
    check_browser_headers(answer)
    if answer.status in (204, 304):
        assert answer.body == b"", answer
    is_report = answer.path == "/health" and answer.status == 503  # says what is away, and is no problem document
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) >= 1, answer
    if answer.status >= 400 and answer.method != "HEAD" and not is_report:
        check_problem(answer)


def check_browser_headers(answer):
    """Each header once: of two that differ browsers take what they like."""
    for name, value in STANDING_HEADERS.items():
        assert answer.headers.get_all(name) == [value], (name, answer)
    for name in ("Cache-Control", "Content-Security-Policy", "Permissions-Policy"):
        assert len(answer.headers.get_all(name) or []) == 1, (name, answer)
    policy = answer.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; ")), answer
    assert "unsafe" not in policy, answer
    for name in ("Server", "X-Powered-By", "Via"):
        assert name not in answer.headers, answer


def check_problem(answer):
    """RFC 9457, and the members that the contract adds."""
    assert answer.media_type == "application/problem+json", answer
    problem = answer.json
    assert problem["status"] == answer.status, answer
    assert re.fullmatch(r"/problems/[a-z]+(-[a-z]+)*", problem["type"]), answer
    assert problem["title"] and problem["detail"], answer
    assert problem["request_id"] == answer.headers["X-Request-ID"], answer
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"], answer
    if answer.status == 405:
        assert answer.headers["Allow"], answer
    for fault in problem.get("errors", []):
        assert set(fault) == {"pointer", "code", "detail"} and fault["code"] and fault["detail"], answer
        assert fault["pointer"] == "" or fault["pointer"].startswith("/"), answer


def assert_problem(answer, status, code):
    assert answer.status == status, answer
    assert answer.json["type"] == f"/problems/{code}", answer


def pointers(answer):
    """The members that a 422 complains of."""
    assert_problem(answer, 422, "validation-failed")
    return [fault["pointer"] for fault in answer.json["errors"]]


def raw_exchange(api, sent, timeout=8):
    """Sends bytes as they are; returns all that comes back, and whether the server closed the connection."""
    received = b""
    with socket.create_connection((api.host, api.port), timeout=timeout) as connection:
        try:
            connection.sendall(sent)
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return received, True
                received += piece
        except TimeoutError:
            return received, False
        except (ConnectionResetError, BrokenPipeError):
            return received, True


def statuses(received):
    """The status codes of all answers in a raw byte stream."""
    return [int(code) for code in re.findall(rb"(?:^|\r\n|[}\]])HTTP/1\.1 (\d{3}) ", received)]
