# SPDX-License-Identifier: Apache-2.0
"""Rate limits: who is counted, how exactly, what the answers say, and what happens without Redis. Clients stand behind a
proxy that the APIs trust, so that each test has addresses of its own."""
import itertools
import os
import re
import signal
import threading
import time

import pytest

from api_client import PASSWORD, Api, assert_problem, unique
from programs import wait_for

ITEM = re.compile(r'"([a-z0-9-]+)";r=(\d+);t=(\d+)$')
_addresses = itertools.count(1)


def fresh_address():
    return f"198.51.{next(_addresses) // 250 + 100}.{next(_addresses) % 250 + 1}"


class Client:
    """Asks any of the APIs as one address."""

    def __init__(self, apis, address=None, token=None, tenant=None):
        self.apis, self.address, self.token, self.tenant = apis, address or fresh_address(), token, tenant
        self.turn = itertools.cycle(range(len(apis)))

    def ask(self, method, path, json_body=None, **headers):
        api = self.apis[next(self.turn)].asking(token=self.token, tenant=self.tenant)
        return api.request(method, path, json_body, headers={"X-Forwarded-For": self.address} | headers)

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def as_user(self, person):
        return Client(self.apis, self.address, person.token)


def launch(stack, **settings):
    return Api(stack.launch_another_api(TRUSTED_PROXIES="127.0.0.0/8", **settings))


@pytest.fixture(scope="module")
def apis(stack):
    """Two processes; 5 requests a minute, 3 to the routes that take passwords."""
    return [launch(stack, RATE_LIMIT="5/1m,50/1h", RATE_LIMIT_AUTH="3/1m") for _ in range(2)]


@pytest.fixture
def client(apis):
    return Client(apis)


def item(answer):
    name, left, seconds = ITEM.match(answer.headers["RateLimit"]).groups()
    return name, int(left), int(seconds)


def assert_limited(answer, name="default"):
    assert_problem(answer, 429, "rate-limited")
    told, left, seconds = item(answer)
    assert (told, left) == (name, 0)
    assert int(answer.headers["Retry-After"]) == seconds and 1 <= seconds <= 60
    return answer


def test_a_user_is_counted_over_all_processes(client, person):
    mine = client.as_user(person)
    for left in (4, 3, 2, 1, 0):
        answer = mine.get("/api/tasks")
        assert answer.status == 200
        assert answer.headers.get_all("RateLimit-Policy") == ['"default";q=5;w=60, "default-1h";q=50;w=3600']
        name, told, seconds = item(answer)
        assert (name, told) == ("default", left) and 1 <= seconds <= 60
    for _ in range(6):
        assert "default" in assert_limited(mine.get("/api/tasks")).json["detail"]
    assert Client(client.apis, token=person.token).get("/api/auth/me").status == 429  # from elsewhere it is the same user
    assert client.get("/").status == 200  # nobody in particular, from the same address


def test_users_do_not_pay_for_each_other(client, api):
    people = [api.sign_up(), api.sign_up()]
    for _ in range(5):
        for person in people:
            assert client.as_user(person).get("/api/tasks").status == 200


def test_every_answer_that_is_counted_tells(client, person):
    mine = client.as_user(person)
    missing = mine.get("/api/tasks/0197c5a0-0000-7000-8000-000000000000")
    assert missing.status == 404 and item(missing)[1] == 4
    refused = mine.ask("POST", "/api/tasks", {"title": ""})
    assert refused.status == 422 and item(refused)[1] == 3


def test_addresses(client):
    assert [client.get("/").status for _ in range(7)] == [200] * 5 + [429] * 2
    assert_limited(client.get("/api/"))
    assert Client(client.apis).get("/").status == 200


def test_an_ipv6_host_is_its_64(client):
    number = next(_addresses)
    hosts = [Client(client.apis, f"2001:db8:{number:x}:1:{n:x}::{n:x}") for n in range(1, 8)]
    assert [host.get("/").status for host in hosts] == [200] * 5 + [429] * 2
    assert Client(client.apis, f"2001:db8:{number:x}:2::1").get("/").status == 200


def test_ipv4_is_the_same_however_it_is_written(apis):
    address = fresh_address()
    spellings = [address, f"::ffff:{address}", f"{address}:4711", f"[::ffff:{address}]:80"]
    answers = [Client(apis, spelling).get("/").status for spelling in spellings * 2]
    assert answers == [200] * 5 + [429] * 3


def test_an_address_that_nobody_vouches_for(stack):
    """Without TRUSTED_PROXIES the peer counts, whatever it says."""
    api = Api(stack.launch_another_api(RATE_LIMIT="5/1m", RATE_LIMIT_AUTH="off"))
    assert [Client([api]).get("/").status for _ in range(7)] == [200] * 5 + [429] * 2


def test_routes_that_take_passwords(client):
    def log_in():
        return client.ask("POST", "/api/auth/login", {"email": "nobody@example.com", "password": PASSWORD})
    answers = [log_in() for _ in range(3)]
    assert [answer.status for answer in answers] == [401] * 3
    assert answers[-1].headers["RateLimit-Policy"] == '"auth";q=3;w=60' and item(answers[-1])[:2] == ("auth", 0)
    assert_limited(log_in(), "auth")
    client.tenant = "acme"  # naming another tenant does not help
    assert_limited(log_in(), "auth")
    person = {"email": f"{unique('new')}@example.com", "password": PASSWORD, "name": "N"}
    assert_limited(client.ask("POST", "/api/auth/signup", person), "auth")
    assert client.get("/").status == 200
    assert Client(client.apis).ask("POST", "/api/auth/signup", person).status == 201


def test_whoever_guesses_is_counted_by_address(client, person):
    guesses = [Client(client.apis, client.address, f"a.b.{n}").get("/api/tasks") for n in range(7)]
    assert [answer.status for answer in guesses] == [401] * 5 + [429] * 2
    assert_limited(client.get("/api/tasks"))  # without any token
    assert_limited(client.get("/no/such/page"))
    assert client.as_user(person).get("/api/tasks").status == 200


def test_unknown_paths_count(client):
    assert [client.get(f"/.env{n}").status for n in range(7)] == [404] * 5 + [429] * 2


def test_the_platform_is_not_limited_but_guesses_are(stack, client):
    platform = Client(client.apis, client.address, stack.env["PLATFORM_ADMIN_TOKEN"])
    assert [platform.get("/api/platform/tenants").status for _ in range(8)] == [200] * 8
    guesses = [Client(client.apis, client.address, "x" * 40).get("/api/platform/tenants").status for _ in range(7)]
    assert guesses == [401] * 5 + [429] * 2


@pytest.mark.parametrize("path", ["/health", "/health/live", "/healthz", "/health/ready", "/readyz", "/openapi.json", "/api-docs"])
def test_never_limited(client, path):
    for _ in range(12):
        answer = client.get(path)
        assert answer.status == 200 and "RateLimit" not in answer.headers and "RateLimit-Policy" not in answer.headers


def test_a_preflight_is_not_counted(client):
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    for _ in range(12):
        assert client.ask("OPTIONS", "/api/tasks", **asked).status in (200, 204)
    assert item(client.get("/"))[1] == 4


def test_a_tenant_as_a_whole(stack, apis):
    slug = unique("crowd")
    stack.create_tenant(slug)
    limits = '{"requests_per_minute": 6}'
    people = [Api(stack.url, tenant=slug).sign_up() for _ in range(2)]
    stack.control(f"update tenants set limits = '{limits}' where slug = '{slug}'")
    time.sleep(0.3)
    clients = [Client(apis, token=person.token) for person in people]
    answers = [clients[0].get("/api/tasks") for _ in range(3)]
    assert [item(answer)[:2] for answer in answers] == [("default", 4), ("default", 3), ("default", 2)]
    assert answers[0].headers["RateLimit-Policy"].endswith(', "tenant";q=6;w=60')
    answers = [clients[1].get("/api/tasks") for _ in range(4)]
    assert [item(answer)[:2] for answer in answers] == [("tenant", 2), ("tenant", 1), ("tenant", 0), ("tenant", 0)]
    assert_limited(answers[3], "tenant")
    assert_limited(clients[0].get("/api/tasks"), "tenant")


def counters(stack, api):
    """Of the process that serves `api`: its operator's port is reserved right after the other one."""
    numbers = [port.number for port in stack.ports]
    page = Api(f"http://127.0.0.1:{numbers[numbers.index(api.port) + 1]}").get("/metrics").body.decode()
    return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", page, re.M)}


def test_counters(stack, apis):
    before = counters(stack, apis[0])
    client = Client(apis[:1])
    for _ in range(8):
        client.get("/")
    after = counters(stack, apis[0])
    grown = {name: value - before[name] for name, value in after.items() if "_rate_" in name}
    assert grown['bulkhead_rate_limited_total{class="default"}'] == 3
    assert grown['bulkhead_rate_limited_total{class="auth"}'] == 0
    assert grown['bulkhead_rate_checks_total{source="redis"}'] + grown['bulkhead_rate_checks_total{source="local"}'] == 8


def test_off(stack, api):
    address = fresh_address()
    off = launch(stack, RATE_LIMIT="off", RATE_LIMIT_AUTH="2/1m")
    answers = [Client([off], address).get("/") for _ in range(20)]
    assert all(answer.status == 200 and "RateLimit" not in answer.headers for answer in answers)


def test_without_redis_each_process_counts_for_itself(stack, apis):
    stack.kill_redis()
    try:
        client = Client(apis)
        statuses = [client.get("/").status for _ in range(30)]
        assert set(statuses) == {200, 429} and statuses.count(200) == 10
    finally:
        stack.start_redis()


def test_nothing_fails_when_redis_goes_and_comes_back(stack, api):
    process = launch(stack, RATE_LIMIT="100000/1m", RATE_LIMIT_AUTH="off")
    log = stack.services[-1].log
    client = Client([process], token=api.sign_up().token)
    done, seen = threading.Event(), []

    def traffic():
        while not done.is_set():
            seen.append(client.get("/api/tasks"))
    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            count = len(seen)
            wait_for(lambda: len(seen) > count + 20)
            stack.kill_redis()
            wait_for(lambda: "this process alone" in log.read_text())
            count = len(seen)
            wait_for(lambda: len(seen) > count + 20)
            stack.start_redis()
            wait_for(lambda: log.read_text().count("for all processes again") == log.read_text().count("this process alone"))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert {answer.status for answer in seen} == {200}
    assert all("RateLimit" in answer.headers for answer in seen)


def test_a_redis_that_hangs_holds_nobody_up(stack, api):
    process = launch(stack, RATE_LIMIT="100000/1m", RATE_LIMIT_AUTH="off")
    log = stack.services[-1].log
    client = Client([process], token=api.sign_up().token)
    assert client.get("/api/tasks").status == 200
    redis = stack.redis_pid()
    os.kill(redis, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert [client.get("/api/tasks").status for _ in range(50)] == [200] * 50
        assert time.monotonic() - began < 10  # 50 waits for Redis would take longer
    finally:
        os.kill(redis, signal.SIGCONT)
    wait_for(lambda: client.get("/api/tasks").status == 200 and "for all processes again" in log.read_text())
