# SPDX-License-Identifier: Apache-2.0
"""/metrics: well-formed, documented, and true."""
import pathlib
import re

import pytest

from api_client import Api, PASSWORD, unique
from metrics_page import Metrics
from programs import wait_for

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|([^|]*)\|", re.MULTILINE)


def documented():
    rows = ROW.findall(PAGE.read_text())
    names = [name for name, *_ in rows]
    assert len(set(names)) == len(names)
    return {name: (kind, {label.strip(" `") for label in labels.split(",") if label.strip()}, where.strip(" `"))
            for name, kind, labels, where in rows}


@pytest.mark.parametrize("program", ["api", "worker"])
def test_the_page_describes_what_is_there(stack, api, program):
    api.get("/health/live")
    url = stack.ops_url if program == "api" else stack.worker_ops_url
    if program == "worker":  # what housekeeping counts is not told before
        wait_for(lambda: "bulkhead_operations_total" in Metrics(url).types)
    metrics = Metrics(url)
    known = documented()
    assert set(metrics.types) <= set(known), "families that docs/metrics.md does not describe"
    everywhere = {name for name, (_, _, where) in known.items() if where in ("", program)}
    assert everywhere <= set(metrics.types), "families that docs/metrics.md promises"
    for name, kind in metrics.types.items():
        assert (kind, metrics.label_names(name)) == known[name][:2], name


def test_the_page_describes_what_is_told_by_tenant(stack, person):
    person.get("/api/tasks")  # answers are told once there are some
    known = {name: row for name, row in documented().items() if row[2] == "/tenant-metrics"}

    def page():
        return Metrics(stack.ops_url, "/tenant-metrics")
    wait_for(lambda: page()("bulkhead_tenant_responses_total", tenant="default") > 0)
    told = page()
    assert set(told.types) == set(known)
    for name, kind in told.types.items():
        assert (kind, told.label_names(name)) == known[name][:2], name
    assert set(known) == set(Metrics(stack.worker_ops_url, "/tenant-metrics").types)


@pytest.mark.parametrize("program", ["api", "worker"])
def test_names_follow_the_conventions(stack, program):
    metrics = Metrics(stack.ops_url if program == "api" else stack.worker_ops_url)
    for name, kind in metrics.types.items():
        assert name.startswith(("bulkhead_", "process_")), name
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|milliseconds|us|minutes|kib|mb)(_|$)", name), name
        if kind == "histogram":
            assert name.endswith(("_seconds", "_bytes")), name


def test_histograms_are_cumulative_and_end_with_infinity(stack, person):
    person.get("/api/tasks")
    metrics = Metrics(stack.ops_url)
    name, series = "bulkhead_http_request_duration_seconds", {}
    for (each, labels), value in metrics.samples.items():
        if each == f"{name}_bucket":
            bound = next(float(text) for label, text in labels if label == "le")
            series.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append((bound, value))
    assert len(series) > 10
    for labels, buckets in series.items():
        assert [bound for bound, _ in buckets] == sorted(bound for bound, _ in buckets)
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1][0] == float("inf")
        assert buckets[-1][1] == metrics.samples[f"{name}_count", labels]


def test_requests_are_counted_by_route_and_status(stack, person, api):
    def seen():
        metrics = Metrics(stack.ops_url)
        return (metrics("bulkhead_http_requests_total", method="GET", route="/api/tasks", code="200"),
                metrics("bulkhead_http_request_duration_seconds_count", method="GET", route="/api/tasks"),
                metrics("bulkhead_http_requests_total", method="GET", route="/api/tasks/{id}", code="404"),
                metrics("bulkhead_http_requests_total", method="GET", route="/api/tasks", code="401"),
                metrics("bulkhead_http_requests_total", method="any", route="unknown", code="404"))
    before = seen()
    for number in range(3):
        assert person.get("/api/tasks").status == 200
        assert person.request("HEAD", "/api/tasks").status == 200
        assert person.get(f"/api/tasks/0197c5a0-0000-7000-8000-00000000000{number}").status == 404
        assert api.get("/api/tasks").status == 401
        assert api.get(f"/{unique('scan')}.php").status == 404
    assert [now - then for now, then in zip(seen(), before)] == [6, 9, 3, 3, 3]


def test_a_scanner_makes_no_series(stack, api):
    def size():
        return len(Metrics(stack.ops_url).samples)
    api.get("/nothing")
    before = size()
    for number in range(30):
        api.get(f"/{number}/wp-login.php")
        api.request("DELETE", f"/api/{number}")
    assert size() <= before + 2


def test_attempts_to_prove_who_one_is(stack, api):
    def seen():
        metrics = Metrics(stack.ops_url)
        return [metrics("bulkhead_auth_attempts_total", kind=kind, outcome=outcome)
                for kind in ("signup", "login", "token") for outcome in ("success", "failure")]
    before = seen()
    person = api.sign_up()
    taken = api.post("/api/auth/signup", {"email": person.email, "password": PASSWORD, "name": "Again"})
    assert taken.status == 409
    assert api.post("/api/auth/login", {"email": person.email, "password": PASSWORD}).status == 200
    for _ in range(2):
        assert api.post("/api/auth/login", {"email": person.email, "password": "not the right one"}).status == 401
    assert person.get("/api/auth/me").status == 200
    assert api.asking(token="forged").get("/api/auth/me").status == 401
    assert [now - then for now, then in zip(seen(), before)] == [1, 1, 1, 2, 1, 1]


def test_active_users(stack, api):
    people = [api.sign_up() for _ in range(20)]
    for _ in range(3):
        for person in people:
            assert person.get("/api/auth/me").status == 200
    metrics = Metrics(stack.ops_url)
    seen = metrics("bulkhead_active_users", window="5m")
    assert 19 <= seen <= 60  # and those of other tests
    assert metrics("bulkhead_active_users", window="1h") >= seen


def test_traffic_and_connections(stack, api):
    before = Metrics(stack.ops_url)
    api.post("/api/auth/login", {"email": "x" * 2000, "password": "p"})
    sent = dict(name="bulkhead_http_sent_bytes_total", server="api")
    wait_for(lambda: Metrics(stack.ops_url)(**sent) > before(**sent))  # counted after it was written
    after = Metrics(stack.ops_url)

    def more(name, **labels):
        return after(name, **labels) - before(name, **labels)
    assert more("bulkhead_http_received_bytes_total", server="api") > 2000
    assert more("bulkhead_http_sent_bytes_total", server="api") > 100
    assert more("bulkhead_http_connections_total", server="api") == 1
    assert after("bulkhead_http_requests_in_flight", server="ops") == 1  # the one that asks
    assert more("bulkhead_http_responses_total", server="api", **{"class": "4xx"}) == 1
    wait_for(lambda: Metrics(stack.ops_url)("bulkhead_http_connections_open", server="api") == 0)


def test_redis(stack):
    before = Metrics(stack.ops_url)
    assert before("bulkhead_redis_connections") == 2  # reactors
    assert Api(stack.url).get("/health").json["redis"] == "connected"
    after = Metrics(stack.ops_url)
    assert after("bulkhead_redis_command_duration_seconds_count") > before("bulkhead_redis_command_duration_seconds_count")
    stack.stop_redis()
    try:
        wait_for(lambda: Metrics(stack.ops_url)("bulkhead_redis_connections") == 0)
        assert Api(stack.url).get("/health").json["redis"] == "disconnected"
        assert Metrics(stack.ops_url)("bulkhead_redis_failures_total") > after("bulkhead_redis_failures_total")
    finally:
        stack.start_redis()
    wait_for(lambda: Metrics(stack.ops_url)("bulkhead_redis_connections") == 2)


def test_what_was_built(stack):
    metrics = Metrics(stack.ops_url)
    labels = next(dict(has) for (name, has) in metrics.samples if name == "bulkhead_build_info")
    assert labels["version"] == Api(stack.url).get("/").json["version"]
    assert labels["compiler"] and labels["commit"]
