# SPDX-License-Identifier: Apache-2.0
"""What a tenant's limits refuse, and what operators see of each tenant."""
import json
import re
import time

import pytest

from api_client import PASSWORD, Api, assert_problem, unique


@pytest.fixture(scope="module")
def apis(stack):
    return [Api(stack.url), Api(stack.launch_another_api())]


@pytest.fixture
def tenant(stack, apis):
    slug = unique("limited")
    stack.create_tenant(slug)
    person = apis[0].asking(tenant=slug).sign_up()
    person.slug = slug
    person.everywhere = [Api(api.url, token=person.token) for api in apis]
    return person


def set_limits(stack, tenant, **limits):
    stack.control(f"update tenants set limits = '{json.dumps(limits)}' where slug = '{tenant.slug}'")
    time.sleep(0.3)  # it is told to every reactor; a request that came before would be counted differently


def test_requests_per_minute_hold_over_all_processes(stack, tenant, person):
    set_limits(stack, tenant, requests_per_minute=10)
    answers = [tenant.everywhere[n % 2].get("/api/tasks") for n in range(30)]
    assert [answer.status for answer in answers[:10]] == [200] * 10
    for answer in answers[10:]:
        assert_problem(answer, 429, "rate-limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 120
    assert person.get("/api/tasks").status == 200  # of another tenant
    login = Api(tenant.url, tenant=tenant.slug).post("/api/auth/login", {"email": tenant.email, "password": PASSWORD})
    assert_problem(login, 429, "rate-limited")
    set_limits(stack, tenant)
    assert tenant.get("/api/tasks").status == 200


def test_no_request_is_none(stack, tenant):
    set_limits(stack, tenant, requests_per_minute=0)
    assert_problem(tenant.get("/api/tasks"), 429, "rate-limited")


def test_requests_per_minute_without_redis(stack, tenant):
    set_limits(stack, tenant, requests_per_minute=10)
    stack.stop_redis()
    try:
        statuses = [tenant.everywhere[n % 2].get("/api/tasks").status for n in range(120)]
        assert set(statuses) == {200, 429}
        # Each of the two reactors of the two processes counts for itself up to its part, 5.
        assert 10 <= statuses.count(200) <= 20
    finally:
        stack.start_redis()


def test_storage_that_is_used_up(stack, tenant):
    task = tenant.post("/api/tasks", {"title": "before"}).json
    stack.control(f"update tenants set storage_bytes = 1001, measured_at = now() where slug = '{tenant.slug}'")
    set_limits(stack, tenant, storage_bytes=1000)
    place = f"/api/tasks/{task['id']}"
    for api in tenant.everywhere:
        for answer in (api.post("/api/tasks", {"title": "more"}), api.patch(place, {"title": "longer"}),
                       api.put(place, {"title": "longer"}),
                       Api(api.url, tenant=tenant.slug).post(
                           "/api/auth/signup", {"email": "new@example.com", "password": PASSWORD, "name": "N"})):
            assert_problem(answer, 403, "quota-exceeded")
        assert api.get("/api/tasks").status == 200
        login = Api(api.url, tenant=tenant.slug).post("/api/auth/login", {"email": tenant.email, "password": PASSWORD})
        assert login.status == 200, login
    assert tenant.delete(place).status == 204
    set_limits(stack, tenant, storage_bytes=1001)
    assert tenant.post("/api/tasks", {"title": "just enough"}).status == 201


def metrics(url, path):
    page = Api(url).get(path)
    assert page.status == 200 and page.media_type == "text/plain"
    return dict(re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", page.body.decode(), re.M))


def test_tenant_metrics(stack, tenant, api):
    for _ in range(20):
        assert tenant.get("/api/tasks").status == 200
    assert tenant.get("/api/tasks/0197c5a0-0000-7000-8000-000000000000").status == 404
    seen = metrics(stack.ops_url, "/tenant-metrics")
    mine = f'tenant="{tenant.slug}"'
    assert int(seen[f'bulkhead_tenant_responses_total{{{mine},class="2xx"}}']) >= 20
    assert int(seen[f'bulkhead_tenant_responses_total{{{mine},class="4xx"}}']) == 1
    assert int(seen[f"bulkhead_tenant_connections{{{mine}}}"]) >= 1
    assert f"bulkhead_tenant_waiting{{{mine}}}" in seen and f"bulkhead_tenant_in_flight{{{mine}}}" in seen
    assert api.get("/tenant-metrics").status == 404  # not for clients
    assert metrics(stack.worker_ops_url, "/tenant-metrics") is not None
    for url in (stack.ops_url, stack.worker_ops_url):
        everybody = metrics(url, "/metrics")
        assert not [name for name in everybody if "tenant=" in name]
        assert everybody["bulkhead_tenant_feed_up"] == "1"
    everybody = metrics(stack.ops_url, "/metrics")
    for name in ("entries", "hits_total", "misses_total", "loads_total", "stale_total"):
        assert f"bulkhead_tenant_cache_{name}" in everybody
    assert float(everybody["bulkhead_tenant_cache_hits_total"]) > 10
    assert float(everybody["bulkhead_tenant_feed_events_total"]) > 0
    assert float(everybody['bulkhead_quota_refusals_total{quota="storage_bytes"}']) >= 0
