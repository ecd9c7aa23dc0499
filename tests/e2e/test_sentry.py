# SPDX-License-Identifier: Apache-2.0
"""Error reports: what Sentry gets of failures and crashes, what it never gets, and that a Sentry in trouble is nobody
else's."""
import ctypes
import http.client
import json
import os
import pathlib
import platform
import re
import signal
import socket
import time

import pytest

from api_client import unique
from programs import ADDRESS, free_port
from receiver import Receiver

SYS_TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine())


@pytest.fixture
def sentry():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def broken(stack):
    """broken(api): a user of a tenant whose tasks are gone, so that reading them is an error of ours."""
    def make(api):
        slug = unique("broken") + f"-{os.getpid()}"
        stack.create_tenant(slug)
        person = api.asking(tenant=slug).sign_up(password="password-canary")
        person.slug = slug
        stack.sql(slug, "alter table tasks rename to gone")
        return person
    return make


def fail(person, status=500, path="/api/tasks?q=query-canary", **headers):
    """One request that fails; its headers are as telling as they get."""
    connection = http.client.HTTPConnection(person.host, person.port, timeout=60)
    try:
        connection.request("GET", path, headers={
            "Authorization": f"Bearer {person.token}", "Cookie": "access_token=cookie-canary", "X-Api-Key": "key-canary",
            "Referer": "http://x/?referer-canary", "User-Agent": "tests"} | headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    finally:
        connection.close()


def counts(program):
    """bulkhead_error_reports_total by result."""
    connection = http.client.HTTPConnection(*program.ops, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.findall(r'bulkhead_error_reports_total\{result="(\w+)"\} (\d+)', text)
    return {result: int(count) for result, count in found}


def test_a_failure_is_reported_with_its_tenant_and_user(launch, sentry, broken):
    program, api = launch(SENTRY_DSN=sentry.dsn, SENTRY_RELEASE="tests@1")
    person = broken(api)
    assert sentry.requests == []
    trace = "0af7651916cd43dd8448eb211c80319c"
    fail(person, path="/api/tasks", **{"X-Request-ID": "failed-1", "traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert program.stop(seconds=120) == 0, program.output[-3000:]  # what waits is sent
    event, = sentry.events()
    assert event["level"] == "error" and event["release"] == "tests@1" and event["environment"] == "test"
    assert event["transaction"] == "GET /api/tasks"
    assert event["user"] == {"id": person.user["id"]}
    assert event["tags"] == {"tenant": person.slug, "route": "/api/tasks", "request_id": "failed-1", "status": "500"}
    assert event["request"]["method"] == "GET"
    assert event["request"]["url"] == f"http://{person.host}:{person.port}/api/tasks"
    assert event["request"]["headers"]["User-Agent"] == "tests"
    assert event["contexts"]["trace"]["trace_id"] == trace
    assert sentry.dsn_key not in program.output


def test_alike_failures_are_few_reports_without_secrets(launch, sentry, broken):
    program, api = launch(SENTRY_DSN=sentry.dsn, API_THREADS="1")
    person = broken(api)
    for _ in range(30):
        fail(person, path="/api/tasks?completed=true&q=query-canary")
    for status in (401, 404, 422):
        path = {401: "/api/auth/me", 404: "/api/nowhere", 422: "/api/tasks?limit=canary"}[status]
        fail(person, status, path=path, **({"Authorization": "Bearer canary"} if status == 401 else {}))
    sentry.wait_for(lambda: counts(program).get("sent") == 5)
    assert counts(program)["dropped_alike"] == 25
    sent = b"".join(request.body for request in sentry.requests)
    for secret in ("canary", person.token, person.email, sentry.dsn_key):
        assert secret.encode() not in sent, secret
    assert len(sentry.events()) == 5
    assert program.stop(seconds=120) == 0


def test_an_unreachable_database_is_one_report_and_a_probe_is_none(stack, launch, sentry):
    program, api = launch(SENTRY_DSN=sentry.dsn, API_THREADS="1")
    slug = unique("shut") + f"-{os.getpid()}"
    stack.create_tenant(slug)
    person = api.asking(tenant=slug).sign_up()
    database = stack.control(f"select database from tenants where slug = '{slug}'")
    stack.control(f'alter database "{database}" with allow_connections false')
    stack.control(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")
    for _ in range(20):
        fail(person, 503, path="/api/tasks")
    sentry.wait_for(lambda: counts(program).get("dropped_alike") == 19)
    event, = sentry.wait_for(sentry.events)
    assert event["tags"]["tenant"] == slug and event["tags"]["status"] == "503"
    assert program.stop(seconds=120) == 0
    assert len(sentry.requests) == 1


def test_sentry_asks_for_a_pause_and_gets_it(launch, sentry, broken):
    sentry.answer = lambda: (429, {"X-Sentry-Rate-Limits": "3600:error;transaction:organization"})
    program, api = launch(SENTRY_DSN=sentry.dsn, API_THREADS="1")
    person = broken(api)
    fail(person)
    sentry.wait_for(lambda: counts(program).get("dropped_rate_limited") == 1)
    fail(person)
    fail(person)
    sentry.wait_for(lambda: counts(program).get("dropped_rate_limited") == 3)
    assert program.stop(seconds=120) == 0
    assert len(sentry.requests) == 1


@pytest.mark.parametrize("trouble", ["nobody", "slow", "broken"])
def test_a_sentry_in_trouble_is_not_felt(launch, sentry, broken, trouble):
    dsn = sentry.dsn if trouble != "nobody" else f"http://{sentry.dsn_key}@{ADDRESS}:{free_port()}/42"
    sentry.answer = {"nobody": None, "slow": lambda: time.sleep(60), "broken": lambda: (500, {})}[trouble]
    program, api = launch(SENTRY_DSN=dsn)
    person = broken(api)
    for _ in range(5):
        fail(person)
    start = time.monotonic()
    for _ in range(100):
        assert api.get("/api/").status == 200
    assert time.monotonic() - start < 20
    start = time.monotonic()
    assert program.stop(seconds=120) == 0
    assert time.monotonic() - start < 30, "a Sentry must not keep us from stopping"
    assert "error reports cannot be delivered" in program.stdout
    assert sentry.dsn_key not in program.output


def send_to_thread(process, name, number):
    """A signal to one thread of a program, by the name the system shows."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            assert ctypes.CDLL(None).syscall(SYS_TGKILL, process.pid, int(task.name), int(number)) == 0
            return
    raise AssertionError(f"no thread {name}")


@pytest.fixture
def crashing(stack):
    """Under a sanitizer, crashes are the sanitizer's."""
    binary = (stack.bin / "bulkhead-api").read_bytes()
    if b"__asan_init" in binary or b"__tsan_init" in binary:
        pytest.skip("a sanitizer tells of crashes itself")


def crash_line(program):
    line, = [line for line in program.stderr.splitlines() if '"crashed"' in line]
    return json.loads(line)


@pytest.mark.skipif(SYS_TGKILL is None, reason="the number of a system call is not known here")
def test_a_crash_is_reported_and_the_exit_status_stays_true(crashing, launch, sentry):
    program, api = launch(SENTRY_DSN=sentry.dsn)
    api.sign_up(password="password-canary")
    start = time.monotonic()
    send_to_thread(program.process, "api1", signal.SIGSEGV)
    assert program.wait(60) == -signal.SIGSEGV
    assert time.monotonic() - start < 30
    event, = sentry.wait_for(sentry.events)
    assert event["level"] == "fatal" and event["platform"] == "native" and event["environment"] == "test"
    exception = event["exception"]["values"][0]
    assert exception["type"] == "SIGSEGV" and "thread api1" in exception["value"]
    frames = exception["stacktrace"]["frames"]
    assert any("reactor" in frame.get("function", "") for frame in frames), frames
    assert all(re.fullmatch("0x[0-9a-f]+", frame["instruction_addr"]) for frame in frames)
    images = {image["code_file"]: image for image in event["debug_meta"]["images"]}
    own, = [image for file, image in images.items() if file.endswith("/bulkhead-api")]
    assert re.fullmatch("[0-9a-f]{16,}", own["code_id"])
    line = crash_line(program)
    assert line["level"] == "fatal" and line["signal"] == "SIGSEGV" and line["thread"] == "api1" and "+0x" in line["frames"]
    sent = b"".join(request.body for request in sentry.requests).decode() + program.output
    for secret in ("canary", program.environment["JWT_SECRET"], program.environment["DATA_KEY"]):
        assert secret not in sent


@pytest.mark.skipif(SYS_TGKILL is None, reason="the number of a system call is not known here")
def test_a_crash_names_the_request_that_was_under_way(crashing, stack, launch, sentry):
    program, api = launch(SENTRY_DSN=sentry.dsn, API_THREADS="1", REQUEST_TIMEOUT="1m", DB_STATEMENT_TIMEOUT="1m")
    slug = unique("crashed") + f"-{os.getpid()}"
    stack.create_tenant(slug)
    person = api.asking(tenant=slug).sign_up()
    database = stack.database_url(slug).rsplit("/", 1)[1]
    with stack.locked_tasks(slug):
        with socket.create_connection((person.host, person.port)) as client:
            client.sendall(f"GET /api/tasks HTTP/1.1\r\nHost: x\r\nX-Request-ID: crashed-1\r\n"
                           f"Authorization: Bearer {person.token}\r\n\r\n".encode())
            waiting = f"select count(*) from pg_stat_activity where datname = '{database}' and wait_event_type = 'Lock'"
            sentry.wait_for(lambda: stack.control(waiting) == "1")
            send_to_thread(program.process, "api0", signal.SIGSEGV)
            assert program.wait(60) == -signal.SIGSEGV
    event, = sentry.wait_for(sentry.events)
    assert event["user"] == {"id": person.user["id"]}
    assert event["tags"] == {"tenant": slug, "route": "/api/tasks", "request_id": "crashed-1"}
    assert [each["request_id"] for each in event["extra"]["requests_under_way"]] == ["crashed-1"]
    assert person.token not in sentry.requests[0].body.decode()


def test_a_crash_without_sentry_is_a_line(crashing, launch):
    program, _ = launch()
    program.process.send_signal(signal.SIGABRT)
    assert program.wait(60) == -signal.SIGABRT
    assert crash_line(program)["signal"] == "SIGABRT"


@pytest.mark.parametrize("trouble", ["nobody", "slow"])
def test_a_sentry_in_trouble_does_not_keep_a_program_from_dying(crashing, launch, sentry, trouble):
    dsn = sentry.dsn if trouble == "slow" else f"http://{sentry.dsn_key}@{ADDRESS}:{free_port()}/42"
    sentry.answer = lambda: time.sleep(20)
    program, _ = launch(SENTRY_DSN=dsn)
    start = time.monotonic()
    program.process.send_signal(signal.SIGBUS)
    assert program.process.wait(60) == -signal.SIGBUS  # its child may live on for a while
    assert time.monotonic() - start < 20
