# SPDX-License-Identifier: Apache-2.0
"""The servers behind the API go away and come back. The API says so, fails fast, and recovers by itself."""
import threading
import time

import pytest

from api_client import assert_problem, unique, PASSWORD
from programs import wait_for

RECOVERY = 5.0   # seconds until everything works again
PATIENCE = 6.0   # seconds that no request may exceed, whatever is broken


def timed(ask):
    start = time.monotonic()
    answer = ask()
    assert time.monotonic() - start < PATIENCE, answer
    return answer


def assert_all_well(api, person):
    health = api.get("/health")
    assert (health.status, health.json["status"]) == (200, "healthy"), health
    assert api.get("/health/ready").status == 200
    assert person.post("/api/tasks", {"title": "well"}).status == 201
    assert person.get("/api/tasks").status == 200


def wait_for_recovery(api, person):
    """Every reactor has connections of its own, and each new connection may meet another one: a row of successes."""
    def all_well():
        return all(api.get("/health").json["status"] == "healthy" and person.get("/api/tasks").status == 200
                   for _ in range(12))
    wait_for(all_well, RECOVERY)


@pytest.fixture
def without_postgres(stack, api, person):
    """PostgreSQL is stopped before and started after; the test says how (stop is clean, kill is kill -9)."""
    assert_all_well(api, person)
    yield lambda how: getattr(stack, f"{how}_postgres")()
    stack.start_postgres()
    wait_for_recovery(api, person)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_postgres_away_and_back(stack, api, person, without_postgres, how):
    process = stack.api_pid()
    without_postgres(how)
    wait_for(lambda: timed(lambda: api.get("/health")).status == 503, RECOVERY)
    health = api.get("/health")
    assert (health.json["status"], health.json["database"]) == ("unhealthy", "disconnected"), health
    assert api.get("/health/ready").status == 503
    assert api.get("/readyz").status == 503
    assert api.get("/health/live").status == 200
    assert api.get("/healthz").status == 200
    email = f"{unique('away')}@example.com"
    for ask in (lambda: person.get("/api/tasks"), lambda: person.post("/api/tasks", {"title": "lost"}),
                lambda: person.get("/api/auth/me"),
                lambda: api.post("/api/auth/login", {"email": email, "password": PASSWORD}),
                lambda: api.post("/api/auth/signup", {"email": email, "password": PASSWORD, "name": "N"})):
        answer = timed(ask)
        assert_problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        for leak in ("127.0.0.1", "libpq", "SQL", "postgres", "connection to server"):
            assert leak not in answer.body.decode(), answer

    stack.start_postgres()
    wait_for_recovery(api, person)
    assert_all_well(api, person)
    assert "lost" not in [task["title"] for task in person.get("/api/tasks").json["items"]]
    assert stack.api_pid() == process, "it was restarted"


def test_acknowledged_writes_survive_a_crash_of_postgres(stack, api, without_postgres):
    person = api.sign_up()
    acknowledged, enough = [], threading.Event()

    def write():
        while not enough.is_set():
            answer = person.post("/api/tasks", {"title": unique("kept")})
            assert answer.status in (201, 503), answer
            if answer.status == 201:
                acknowledged.append(answer.json["id"])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    time.sleep(0.5)
    without_postgres("kill")
    time.sleep(0.5)
    enough.set()
    for writer in writers:
        writer.join()
    stack.start_postgres()
    wait_for_recovery(api, person)
    assert len(acknowledged) > 10
    for identity in acknowledged:
        assert person.get(f"/api/tasks/{identity}").status == 200, "an acknowledged write is lost"


def test_many_requests_while_postgres_is_away_do_not_pile_up(api, person, without_postgres):
    without_postgres("stop")
    wait_for(lambda: api.get("/health").status == 503, RECOVERY)
    seen = []

    def ask():
        seen.append(timed(lambda: person.get("/api/tasks")).status)

    askers = [threading.Thread(target=ask) for _ in range(40)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert seen == [503] * 40


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_redis_away_only_degrades(stack, api, person, how):
    assert_all_well(api, person)
    getattr(stack, f"{how}_redis")()
    try:
        wait_for(lambda: timed(lambda: api.get("/health")).json["status"] == "degraded", RECOVERY)
        health = api.get("/health")
        assert (health.status, health.json["redis"], health.json["database"]) == (200, "disconnected", "connected")
        assert api.get("/health/ready").status == 200
        assert api.get("/health/live").status == 200
        assert timed(lambda: person.post("/api/tasks", {"title": "without redis"})).status == 201
        assert timed(lambda: person.get("/api/tasks")).status == 200
        good = {"email": person.email, "password": PASSWORD}
        assert timed(lambda: api.post("/api/auth/login", good)).status == 200
    finally:
        stack.start_redis()
    wait_for_recovery(api, person)
    assert_all_well(api, person)
