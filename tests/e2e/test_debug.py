# SPDX-License-Identifier: Apache-2.0
"""The operator's pages: what is under way, and how much is logged."""
import json
import re
import socket
import threading

import pytest

from api_client import Api, assert_problem, pointers
from fast_client import encode
from programs import wait_for

PATIENCE = 60


def requests(url):
    answer = Api(url).get("/debug/requests")
    assert answer.status == 200
    return answer.json


def test_requests_shows_each_phase_the_oldest_first(stack, api, person):
    head, body = (socket.create_connection((api.host, api.port), timeout=PATIENCE) for _ in range(2))
    with head, body:
        body.sendall(b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nX-Request-ID: in-body\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 100\r\n\r\n{")
        wait_for(lambda: [each for each in requests(stack.ops_url)["requests"] if each["phase"] == "body"])
        head.sendall(b"GET /api/ta")
        page = wait_for(lambda: (seen := requests(stack.ops_url))["phases"]["head"] == 1 and seen)
    assert page["phases"] == {"head": 1, "body": 1, "serving": 0, "writing": 0}
    assert (page["silent_reactors"], page["left_out"]) == (0, 0)
    assert page["connections"] >= 2
    assert [each["phase"] for each in page["requests"]] == ["body", "head"]
    first, second = page["requests"]
    assert (first["id"], first["method"], first["route"], first["client"]) == ("in-body", "POST", "/api/tasks", "127.0.0.1")
    assert first["age_ms"] >= second["age_ms"] >= 0
    assert second["id"] == second["method"] == second["route"] == ""


def test_requests_names_who_asks(stack, person):
    """A statement that waits for a lock holds the request."""
    with_lock = threading.Thread(target=stack.sql, args=(
        "default", "begin; lock table tasks in access exclusive mode; select pg_sleep(2); commit"))
    with_lock.start()
    asking = threading.Thread(target=lambda: person.get("/api/tasks?q=secret-search"))
    try:
        wait_for(lambda: "AccessExclusiveLock" in stack.sql("default", "select mode from pg_locks"))
        asking.start()
        seen = wait_for(lambda: [each for each in requests(stack.ops_url)["requests"] if each["user"]])
    finally:
        with_lock.join()
        asking.join()
    assert (seen[0]["phase"], seen[0]["route"]) == ("serving", "/api/tasks")
    assert (seen[0]["tenant"], seen[0]["user"]) == ("default", person.user["id"])
    assert "secret-search" not in json.dumps(seen)


def test_requests_is_bounded(stack, api):
    crowd = [socket.create_connection((api.host, api.port), timeout=PATIENCE) for _ in range(230)]
    try:
        for each in crowd:
            each.sendall(b"GET /hea")
        page = wait_for(lambda: (seen := requests(stack.ops_url))["phases"]["head"] == 230 and seen)
    finally:
        for each in crowd:
            each.close()
    assert len(page["requests"]) == 200
    assert page["left_out"] == 30


@pytest.mark.parametrize("program", ["bulkhead-api", "bulkhead-worker"])
def test_the_log_level_changes_while_it_runs(stack, program):
    service = next(each for each in stack.services if each.name == program)
    ops = Api(stack.ops_url if program == "bulkhead-api" else stack.worker_ops_url)

    def set_level(level):
        answer = ops.put("/debug/log-level", {"level": level})
        assert (answer.status, answer.json) == (200, {"level": level})
        assert ops.get("/debug/log-level").json == {"level": level}

    def debug_lines():
        return len(re.findall('"level":"debug"', service.log.read_text()))

    def make_some():
        with socket.create_connection((ops.host, ops.port), timeout=PATIENCE) as broken:
            broken.sendall(b"GET nothing\r\n\r\n")
            assert broken.recv(4096).startswith(b"HTTP/1.1 400")

    assert ops.get("/debug/log-level").json == {"level": "info"}
    try:
        make_some()
        assert debug_lines() == 0
        set_level("debug")
        make_some()
        wait_for(debug_lines)
        set_level("error")
    finally:
        set_level("info")
    wait_for(lambda: '"before":"error"' in service.log.read_text())  # written last, so all before it is there
    before = debug_lines()
    make_some()
    assert debug_lines() == before


def test_a_level_that_does_not_exist_is_refused(stack):
    ops = Api(stack.ops_url)
    assert pointers(ops.put("/debug/log-level", {"level": "loud"})) == ["/level"]
    assert_problem(ops.request("PUT", "/debug/log-level", body='{"level":"debug"}',
                               headers={"Content-Type": "text/plain"}), 415, "unsupported-media-type")
    assert ops.get("/debug/log-level").json == {"level": "info"}


@pytest.mark.parametrize("path", ["/debug/requests", "/debug/log-level"])
def test_not_on_the_public_port(api, path):
    assert api.get(path).status == 404


def test_the_worker_shows_its_own(stack):
    page = requests(stack.worker_ops_url)
    assert page["phases"]["serving"] == 1
    assert page["requests"][0]["route"] == "/debug/requests"
