# SPDX-License-Identifier: Apache-2.0
"""Traces: which requests are recorded, what a collector gets of them, and that a collector in trouble is nobody else's."""
import json
import secrets
import time

import pytest

from api_client import PASSWORD, Api
from programs import ADDRESS, free_port
from receiver import Receiver


@pytest.fixture
def collector():
    with Receiver() as receiver:
        yield receiver


def parent(sampled=True, trace=None):
    return f"00-{trace or secrets.token_hex(16)}-{secrets.token_hex(8)}-{'01' if sampled else '00'}"


def logged(program, path):
    """The access lines of a path."""
    lines = [json.loads(line) for line in program.stdout.splitlines()]
    return [line for line in lines if line["message"] == "request" and line["path"] == path]


def test_a_request_its_query_and_its_redis_command_are_one_trace(stack, launch, collector):
    program, api = launch(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="0",
                          OTEL_EXPORTER_OTLP_HEADERS="api-key=for%20us", OTEL_SERVICE_NAME="tests")
    stack.create_tenant("traced")
    stack.control("update tenants set limits = '{\"requests_per_minute\": 1000}' where slug = 'traced'")
    person = api.asking(tenant="traced").sign_up()
    sent = parent()
    answer = person.get("/api/tasks", limit=3, headers={"traceparent": sent, "tracestate": "vendor=state",
                                                        "X-Request-ID": "traced-1"})
    assert answer.status == 200
    _, trace, span, _ = sent.split("-")

    assert program.stop(seconds=120) == 0, program.output[-3000:]  # what waits is sent
    spans = collector.spans()
    assert {each["traceId"] for each in spans} == {trace}
    assert collector.requests[0].headers["api-key"] == "for us"
    assert collector.requests[0].headers["User-Agent"].startswith("bulkhead/")
    root, = [each for each in spans if each["kind"] == 2]
    about = root["attributes"]
    assert root["parentSpanId"] == span and root["traceState"] == "vendor=state"
    assert root["name"] == "GET /api/tasks" and root["status"] == {}
    assert about["http.request.method"] == "GET" and about["http.route"] == about["url.path"] == "/api/tasks"
    assert about["http.response.status_code"] == 200 and about["client.address"] == "127.0.0.1"
    assert about["bulkhead.tenant.slug"] == "traced" and about["bulkhead.request.id"] == "traced-1"
    assert root["resource"]["service.name"] == "tests" and root["resource"]["deployment.environment.name"] == "test"
    assert not [key for key in about if "query" in key]
    children = [each for each in spans if each is not root]
    assert {each["parentSpanId"] for each in children} == {root["spanId"]}
    query, = [each for each in children if each["attributes"]["db.system.name"] == "postgresql"]
    assert query["name"] == "SELECT tasks" and query["attributes"]["db.operation.name"] == "SELECT"
    command = [each for each in children if each["attributes"]["db.system.name"] == "redis"][0]
    assert command["name"] == "EVALSHA"
    for each in children:
        assert int(root["startTimeUnixNano"]) <= int(each["startTimeUnixNano"])
        assert int(each["endTimeUnixNano"]) <= int(root["endTimeUnixNano"])
    line, = [each for each in logged(program, "/api/tasks") if each["request_id"] == "traced-1"]
    assert line["trace_id"] == trace


def test_the_parent_decides_and_probes_are_never_recorded(launch, collector):
    program, api = launch(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="1")
    assert api.get("/health/live", headers={"traceparent": parent()}).status == 200
    assert api.get("/api/", headers={"traceparent": parent(sampled=False)}).status == 200
    broken = parent().upper()
    assert api.get("/api/", headers={"traceparent": broken}).status == 200
    assert api.get("/nowhere?token=canary").status == 404
    assert program.stop(seconds=120) == 0
    spans = collector.spans()
    assert sorted(each["name"] for each in spans) == ["GET", "GET /api/"]
    assert all("parentSpanId" not in each for each in spans)
    assert broken.split("-")[1].lower() not in [each["traceId"] for each in spans]
    assert b"canary" not in b"".join(request.body for request in collector.requests)


def test_every_request_has_a_trace_id_in_the_log(launch):
    program, api = launch()
    sent = parent(sampled=False)
    api.get("/api/")
    api.get("/api/", headers={"traceparent": sent})
    assert program.stop(seconds=120) == 0
    own, given = [line["trace_id"] for line in logged(program, "/api/")]
    assert len(own) == 32 and set(own) != {"0"}
    assert given == sent.split("-")[1]


def test_no_secret_is_sent(launch, collector):
    program, api = launch(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="1",
                          OTEL_EXPORTER_OTLP_HEADERS="api-key=header-canary")
    person = api.sign_up(password="a password canary")
    person.get("/api/tasks", q="query-canary", headers={"Cookie": "session=cookie-canary"})
    person.post("/api/tasks", {"title": "body-canary"})
    api.post("/api/auth/login", {"email": person.email, "password": "a password canary"})
    assert program.stop(seconds=120) == 0
    sent = b"".join(request.body for request in collector.requests)
    assert len(collector.spans()) > 6
    for secret in ("canary", person.token, person.email, PASSWORD):
        assert secret.encode() not in sent, secret
    assert "header-canary" not in program.output


@pytest.mark.parametrize("trouble", ["nobody", "slow", "busy"])
def test_a_collector_in_trouble_is_not_felt(launch, collector, trouble):
    """Nobody listens, it never answers, or it always says 503: requests are served as ever, and the end is quick."""
    url = collector.url
    if trouble == "nobody":
        url = f"http://{ADDRESS}:{free_port()}"
    collector.answer = {"nobody": None, "slow": lambda: time.sleep(60),
                        "busy": lambda: (503, {"Retry-After": "30"})}[trouble]
    program, api = launch(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_TRACES_SAMPLER_ARG="1")
    plain_program, plain = launch()

    def slowest(of):
        def ask():
            start = time.monotonic()
            assert of.get("/api/").status == 200
            return time.monotonic() - start
        return sorted(ask() for _ in range(600))[540]
    assert slowest(api) < 20 * slowest(plain) + 0.05
    start = time.monotonic()
    assert program.stop(seconds=120) == 0
    plain_program.stop(seconds=120)
    assert time.monotonic() - start < 30, "a collector must not keep us from stopping"
    assert "spans cannot be exported" in program.stdout


def test_what_is_not_taken_now_is_sent_again(launch, collector):
    answers = iter([(503, {"Retry-After": "1"}), (429, {})])
    collector.answer = lambda: next(answers, (200, {}))
    program, api = launch(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="1")
    for _ in range(600):
        api.get("/api/")
    collector.wait_for(lambda: len(collector.requests) >= 3)
    bodies = [request.body for request in collector.requests[:3]]
    assert bodies[0] == bodies[1] == bodies[2]
    assert program.stop(seconds=120) == 0
    assert "spans are exported again" in program.stdout
