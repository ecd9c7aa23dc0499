# SPDX-License-Identifier: Apache-2.0
"""The routes that anybody may ask: who are you, are you well; and what holds for every answer."""
import re

import pytest

from api_client import TIME, assert_problem


def test_root_introduces_the_program(api):
    answer = api.get("/")
    assert answer.status == 200
    assert answer.media_type == "application/json"
    assert re.match(r"\d+\.\d+\.\d+", answer.json["version"])
    assert answer.json["name"]
    assert answer.json["environment"] in ("development", "test")
    assert "/api-docs" in str(answer.json.get("docs"))


def test_api_root(api):
    answer = api.get("/api/")
    assert answer.status == 200
    assert answer.json == {"message": "Bulkhead API v1", "status": "operational"}


def test_health_with_everything_in_place(api):
    answer = api.get("/health")
    assert answer.status == 200
    health = answer.json
    assert set(health) >= {"status", "database", "redis", "environment", "version", "timestamp"}
    assert (health["status"], health["database"], health["redis"]) == ("healthy", "connected", "connected")
    assert TIME.match(health["timestamp"])
    assert health["version"] == api.get("/").json["version"]


@pytest.mark.parametrize("path", ["/health/live", "/healthz", "/health/ready", "/readyz"])
def test_probes(api, path):
    answer = api.get(path)
    assert answer.status == 200
    assert answer.media_type == "application/json"


@pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz", "/api/", "/openapi.json"])
def test_open_routes_need_no_tenant(api, path):
    assert api.asking(tenant="nobody-has-this-slug", token="garbage").get(path).status == 200


def test_unknown_paths_are_problems(api):
    for path in ("/nothing", "/api/nothing", "/api/tasks/x/y", "/health/", "//", "/api-docs/assets/none.js"):
        assert_problem(api.get(path), 404, "not-found")


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/health", {"GET"}),
    ("POST", "/openapi.json", {"GET"}),
    ("GET", "/api/auth/login", {"POST"}),
    ("DELETE", "/api/tasks", {"GET", "POST"}),
    ("POST", "/api/tasks/0197c5a0-0000-7000-8000-000000000000", {"GET", "PUT", "PATCH", "DELETE"}),
])
def test_other_methods_are_405_with_allow(api, method, path, allowed):
    answer = api.request(method, path)
    assert_problem(answer, 405, "method-not-allowed")
    named = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed <= named
    assert method not in named


def test_head_is_get_without_a_body(api):
    head, get = api.request("HEAD", "/api/"), api.get("/api/")
    assert head.status == get.status == 200
    assert head.body == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("identity", ["a", "trace-1.2:3_4+5", "x" * 128])
def test_a_sane_request_id_is_echoed(api, identity):
    assert api.get("/health", headers={"X-Request-ID": identity}).headers["X-Request-ID"] == identity
    assert api.get("/nothing", headers={"X-Request-ID": identity}).json["request_id"] == identity


@pytest.mark.parametrize("identity", ["", "x" * 129, "a b", 'quo"te', "<script>", "a\tb", "\u00e9"])
def test_any_other_request_id_is_replaced(api, identity):
    answer = api.get("/health", headers={"X-Request-ID": identity.encode("latin-1")})
    assert answer.status == 200
    assert re.fullmatch(r"[A-Za-z0-9._:+-]{1,128}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] != identity


def test_request_ids_differ(api):
    assert len({api.get("/health").headers["X-Request-ID"] for _ in range(20)}) == 20


@pytest.mark.parametrize("path", ["/", "/health", "/api/", "/api/tasks", "/nothing", "/api-docs"])
def test_every_answer_protects_browsers(api, path):
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "'unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "X-Powered-By" not in headers
    assert not re.search(r"\d", headers.get("Server", ""))


def test_answers_about_people_are_not_stored(person):
    for path in ("/api/auth/me", "/api/tasks"):
        assert "no-store" in person.get(path).headers["Cache-Control"]
