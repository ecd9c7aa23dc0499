# SPDX-License-Identifier: Apache-2.0
"""One line for each request, with what is needed to find out what happened, and nothing that nobody should read."""
import json
import time

import pytest

from api_client import Api, PASSWORD, unique

PATIENCE = 60
MEMBERS = {"time", "level", "message", "request_id", "trace_id", "tenant", "user", "client", "method", "route", "path",
           "status", "bytes", "duration_us", "tls", "user_agent"}


def lines(service):
    return [json.loads(line) for line in service.log.read_text().splitlines() if '"message":"request"' in line]


def line_of(service, identity):
    end = time.monotonic() + PATIENCE
    while True:
        found = [line for line in lines(service) if line["request_id"] == identity]
        if found:
            assert len(found) == 1
            return found[0]
        assert time.monotonic() < end, f"no line of {identity}"
        time.sleep(0.02)


@pytest.fixture
def log(stack):
    service = stack.services[0]
    return lambda answer: line_of(service, answer.headers["X-Request-ID"])


def test_a_line_says_who_asked_what_and_what_came_of_it(person, log):
    agent = "a client " + "x" * 300
    answer = person.request("GET", "/api/tasks?limit=3&q=very-secret", headers={"User-Agent": agent})
    line = log(answer)
    assert set(line) == MEMBERS
    assert (line["level"], line["method"], line["route"], line["path"]) == ("info", "GET", "/api/tasks", "/api/tasks")
    assert (line["status"], line["tenant"], line["user"]) == (200, "default", person.user["id"])
    assert (line["client"], line["tls"]) == ("127.0.0.1", False)
    assert line["bytes"] > len(answer.body) and line["duration_us"] > 0
    assert line["user_agent"] == agent[:128]
    assert "very-secret" not in json.dumps(line)


def test_secrets_do_not_get_into_the_log(stack, api, person):
    token = person.token
    api.post("/api/auth/login", {"email": person.email, "password": PASSWORD + "typo"})
    last = api.get(f"/api/auth/me?access_token={token}", headers={"Cookie": f"access_token={token}"})
    line_of(stack.services[0], last.headers["X-Request-ID"])
    text = stack.services[0].log.read_text()
    for secret in (PASSWORD, token, token.split(".")[2], person.email):
        assert secret not in text


@pytest.mark.parametrize("path, route, status", [("/api/tasks/0197c5a0-0000-7000-8000-000000000000", "/api/tasks/{id}", 404),
                                                 ("/no/such/page", "", 404), ("/" + "x" * 2000, "", 404)])
def test_the_route_is_the_pattern(person, log, path, route, status):
    line = log(person.get(path))
    assert (line["route"], line["path"], line["status"]) == (route, path[:512], status)


def test_off_leaves_the_slow_and_the_failed(stack):
    url = stack.launch_another_api(ACCESS_LOG="off", SLOW_REQUEST="60ms", PASSWORD_HASH="bcrypt:10")
    service = stack.services.pop()
    try:
        api = Api(url)
        assert api.get("/health/live").status == 200
        slow = api.post("/api/auth/signup", {"email": f"{unique('slow')}@example.com", "password": PASSWORD, "name": "S"})
        assert slow.status == 201
        line_of(service, slow.headers["X-Request-ID"])
        stack.stop_postgres()
        try:
            failed = api.get("/health")
            assert failed.status == 503
            line_of(service, failed.headers["X-Request-ID"])
        finally:
            stack.start_postgres()
        assert all(line["duration_us"] >= 60_000 or line["status"] >= 500 for line in lines(service))
    finally:
        assert service.stop() == ""


def test_a_part_is_a_part(stack):
    url = stack.launch_another_api(ACCESS_LOG="0.5", SLOW_REQUEST="1h")
    service = stack.services.pop()
    try:
        api, asked = Api(url), 0
        before = len(lines(service))
        for _ in range(400):
            asked += api.get("/health/live").status == 200
    finally:
        assert service.stop() == ""
    seen = sum(line["path"] == "/health/live" for line in lines(service)[before:])
    assert asked == 400
    assert 100 < seen < 300  # ten standard deviations
