# SPDX-License-Identifier: Apache-2.0
"""What every answer tells browsers, also those that no handler made: refusals of the parser, of the router, of whatever
stands before a handler, and answers without content."""
import email
import http.client
import io
import json
import time

import pytest

from api_client import (PASSWORD, Answer, Api, assert_problem, check_answer, check_browser_headers, raw_exchange, statuses,
                        unique)
from programs import ADDRESS
from tls_server import Authority, Secured

POST = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"

MADE_BY_THE_PARSER = {
    "nonsense": (400, b"nonsense\r\n\r\n"), "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two lengths": (400, POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "a bad chunk": (400, POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a large body": (413, POST + b"Content-Length: 100000000\r\n\r\n"),
    "a long target": (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "an expectation": (417, GET + b"Expect: a miracle\r\n\r\n"),
    "many headers": (431, GET + b"A: b\r\n" * 200 + b"\r\n"),
    "an unknown coding": (501, POST + b"Transfer-Encoding: gzip\r\n\r\n"),
    "an unknown method": (501, b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a late head": (408, b"GET / HTTP/1.1\r\nHost"),
}


def read_answer(received):
    """The one answer in a raw byte stream."""
    head, body = received.split(b"\r\n\r\n", 1)
    line, fields = head.split(b"\r\n", 1)
    headers = email.message_from_binary_file(io.BytesIO(fields + b"\r\n\r\n"))
    return Answer("?", "?", int(line.split()[1]), headers, body)


@pytest.mark.parametrize("name", MADE_BY_THE_PARSER)
def test_refusals_of_the_parser(api, name):
    status, sent = MADE_BY_THE_PARSER[name]
    received, closed = raw_exchange(api, sent, timeout=30)
    assert statuses(received) == [status] and closed, received
    check_browser_headers(read_answer(received))


def test_answers_of_every_kind(api, person):
    task = person.post("/api/tasks", {"title": "seen"})  # each answer is checked where it is received
    path, tag = task.headers["Location"], task.headers["ETag"]
    seen = {answer.status for answer in (
        task, person.get(path), person.get(path, headers={"If-None-Match": tag}), api.get(path), api.get("/nowhere"),
        api.put("/health"), api.request("OPTIONS", path), api.request("OPTIONS", "*"), api.request("HEAD", "/health"),
        person.patch(path, {"title": "x"}, headers={"If-Match": '"other"'}), person.post("/api/tasks", body="{"),
        person.post("/api/tasks", {"title": "x"}, headers={"Content-Type": "text/plain"}), person.post("/api/tasks", {}),
        api.asking(tenant="nobody").post("/api/auth/login", {"email": "a@example.com", "password": "x" * 10}),
        api.asking(tenant="acme", token=person.token).get("/api/tasks"), person.delete(path))}
    assert seen >= {200, 201, 204, 304, 400, 401, 403, 404, 405, 412, 415, 422}


def test_data_are_not_kept_and_pages_are_asked_for_again(api, person):
    for path in ("/", "/health", "/api/tasks", "/openapi.json", "/nowhere"):
        assert person.get(path).headers["Cache-Control"] == "no-store"
    for path in ("/api-docs", "/api-docs/assets/swagger-ui.css"):
        page = api.get(path)
        again = api.get(path, headers={"If-None-Match": page.headers["ETag"]})
        assert (page.status, again.status) == (200, 304)
        for name in ("Cache-Control", "Content-Security-Policy", "ETag"):
            assert page.headers[name] == again.headers[name]
        assert page.headers["Cache-Control"] == "no-cache"


def test_tls_is_not_insisted_on_without_tls(api):
    assert "Strict-Transport-Security" not in api.get("/health").headers


def test_a_full_tenant_and_a_database_that_is_away(stack, api, person):
    stack.create_tenant("busy")
    stack.control("update tenants set limits = '{\"requests_per_minute\": 0}' where slug = 'busy'")
    busy = api.asking(tenant="busy")
    body, end = {"email": "a@example.com", "password": "x" * 10}, time.monotonic() + 20
    while (answer := busy.post("/api/auth/login", body)).status != 429 and time.monotonic() < end:
        pass
    assert_problem(answer, 429, "rate-limited")
    stack.stop_postgres()
    try:
        assert {person.get("/api/tasks").status, api.get("/health").status} == {503}
    finally:
        stack.start_postgres()


def test_the_operators_port(stack):
    ops = Api(f"http://127.0.0.1:{stack.ports[1].number}")
    for path in ("/metrics", "/health", "/nowhere"):
        ops.get(path)


@pytest.fixture(scope="module")
def https(stack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("https")
    running = Secured(stack, Authority(folder), folder, "ec")
    with running.program as program:
        yield running
        assert program.stop(seconds=60) == 0, program.output[-3000:]


def over_tls(https, method, path, body=None):
    """One answer, checked like those over plain HTTP."""
    client = http.client.HTTPSConnection(ADDRESS, https.port, timeout=60, context=https.context())
    client.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
    response = client.getresponse()
    answer = Answer(method, path, response.status, response.headers, response.read())
    client.close()
    check_answer(answer, {})
    return answer


def test_tls_is_insisted_on_over_tls(https):
    for method, path in (("GET", "/health"), ("GET", "/nowhere"), ("GET", "/api/tasks"), ("GET", "/api-docs"),
                         ("PUT", "/health"), ("OPTIONS", "/health")):
        answer = over_tls(https, method, path)
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"], answer


def test_over_tls_the_cookie_is_bound_to_the_host(https):
    person = {"email": f"{unique('tls')}@example.com", "password": PASSWORD, "name": "Over TLS", "transport": "cookie"}
    answer = over_tls(https, "POST", "/api/auth/signup", person)
    assert answer.status == 201, answer
    pair, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert pair.startswith("__Host-access_token=") and "Secure" in attributes


@pytest.mark.parametrize("path", ["", "/api-docs"])
def test_the_observatory_is_content(https, node_tools, path):
    """The MDN HTTP Observatory: 100 is where everybody begins, A+."""
    told = node_tools("observatory.mjs", ADDRESS, str(https.port), path, NODE_EXTRA_CA_CERTS=str(https.authority.file))
    verdict = json.loads(told)
    print(told)
    assert verdict["score"] >= 120 and verdict["grade"] == "A+", told
    assert all(test["scoreModifier"] >= 0 for test in verdict["tests"].values()), told
