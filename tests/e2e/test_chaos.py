# SPDX-License-Identifier: Apache-2.0
"""A bad network: between the API and PostgreSQL, between the API and Redis, and between clients and the API. Whatever
happens to it, every request ends in time, what was acknowledged is there, and all is well again when the network is."""
import re
import socket
import threading
import time
import urllib.parse

import pytest

from api_client import Api, unique
from chaos import ChaosProxy

IN_TIME = 9.0    # seconds that no request may exceed: REQUEST_TIMEOUT and what a busy machine adds
RECOVERY = 12.0  # seconds until all is well again

# What happens to the stream that comes from a server, or goes to it.
NETWORKS = {
    "late": {"delay": 150},
    "throttled": {"rate": 40_000},
    "sliced": {"slice": 3, "pause": 0},
    "stalled": {"stall": 1},
    "black hole": {"swallow": 1},
    "half-open": {"keep_open": 1},
    "cut in the middle": {"cut": 2_000},
    "reset in the middle": {"reset": 1_500},
    "corrupted": {"corrupt": 211},
}


def through(proxy, url):
    """The URL of a server with the proxy's address in it."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=re.sub(r"[^@]*$", f"127.0.0.1:{proxy.port}", parts.netloc, count=1)).geturl()


def address_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def to_postgres(stack):
    with ChaosProxy(address_of(stack.env["DATABASE_URL"])) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def to_redis(stack):
    with ChaosProxy(address_of(stack.env["REDIS_URL"])) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def far_api(stack, to_postgres, to_redis):
    """An API whose every connection goes through a proxy, and whose every request asks Redis."""
    url = stack.launch_another_api(DATABASE_URL=through(to_postgres, stack.env["DATABASE_URL"]),
                                   REDIS_URL=through(to_redis, stack.env["REDIS_URL"]),
                                   RATE_LIMIT="1000000/1m", DB_POOL_MAX="8")
    return Api(url, timeout=30)


class Traffic:
    """Four clients that read and write tasks for as long as this is a context."""

    def __init__(self, person):
        self.person, self.over = person, threading.Event()
        self.statuses, self.acknowledged, self.slowest, self.broken = [], [], 0.0, []
        self.clients = [threading.Thread(target=self._run) for _ in range(4)]

    def _ask(self):
        written = self.person.post("/api/tasks", {"title": unique("kept")})
        if written.status == 201:
            self.acknowledged.append(written.json["id"])
        return written.status, self.person.get("/api/tasks").status

    def _run(self):
        while not self.over.is_set():
            begun = time.monotonic()
            try:
                self.statuses += self._ask()
            except Exception as problem:  # for the test to report; a thread's own would be lost
                self.broken.append(repr(problem))
                return
            self.slowest = max(self.slowest, (time.monotonic() - begun) / 2)

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for client in self.clients:
            client.join()


def wait_until_well(api, person):
    end, good = time.monotonic() + RECOVERY, 0
    while good < 8:  # each reactor has connections of its own
        assert time.monotonic() < end, "it does not recover"
        health, tasks = api.get("/health"), person.get("/api/tasks")
        good = good + 1 if (health.json["status"], tasks.status) == ("healthy", 200) else 0
        if not good:
            time.sleep(0.1)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("direction", ["towards_server", "towards_client"])
def test_bad_network_to_postgres(api, far_api, to_postgres, network, direction):
    near = api.sign_up()
    person = far_api.asking(token=near.token)
    wait_until_well(far_api, person)
    with Traffic(person) as traffic:
        time.sleep(0.2)
        getattr(to_postgres, direction)(**NETWORKS[network])
        time.sleep(1.5)
        to_postgres.clear()
    if network == "corrupted":  # without TLS, a statement that has become another valid one stays prepared
        to_postgres.reset()
    else:
        assert not traffic.broken, traffic.broken
        assert set(traffic.statuses) <= {200, 201, 503, 504}, set(traffic.statuses)
    assert traffic.slowest < IN_TIME
    wait_until_well(far_api, person)
    assert len(traffic.acknowledged) > 0
    if network != "corrupted":
        for identity in traffic.acknowledged:
            assert near.get(f"/api/tasks/{identity}").status == 200, "an acknowledged write is lost"


@pytest.mark.parametrize("network", NETWORKS)
def test_bad_network_to_redis_costs_a_little_time_at_most(api, far_api, to_redis, network):
    person = far_api.asking(token=api.sign_up().token)
    wait_until_well(far_api, person)
    with Traffic(person) as traffic:
        time.sleep(0.2)
        to_redis.towards_client(**NETWORKS[network])
        time.sleep(1.5)
        to_redis.clear()
    assert not traffic.broken, traffic.broken
    assert set(traffic.statuses) <= {200, 201}, set(traffic.statuses)
    assert traffic.slowest < 2.0
    wait_until_well(far_api, person)


@pytest.fixture(scope="module")
def clients_way(api):
    with ChaosProxy((api.host, api.port)) as proxy:
        yield proxy


def ask_through(proxy, request):
    """The answer's first bytes; nothing when the connection ends without one."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as client:
        try:
            client.sendall(request)
            return client.recv(1 << 16)
        except ConnectionResetError:
            return b""


def test_a_request_in_single_bytes_is_a_request(clients_way, person):
    clients_way.towards_server(slice=1)
    try:
        body = b'{"title":"by and by"}'
        request = (b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                   b"Authorization: Bearer " + person.token.encode() + b"\r\nContent-Length: " + str(len(body)).encode() +
                   b"\r\n\r\n" + body)
        assert ask_through(clients_way, request).startswith(b"HTTP/1.1 201 ")
    finally:
        clients_way.clear()


def test_a_head_that_takes_too_long_is_408(clients_way):
    clients_way.towards_server(rate=40)
    try:
        request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Padding: " + b"x" * 1000 + b"\r\n\r\n"
        assert ask_through(clients_way, request).startswith(b"HTTP/1.1 408 ")
    finally:
        clients_way.clear()


def test_corrupted_requests_are_refused_and_never_a_fault_of_ours(clients_way, api):
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    for every in range(2, len(request) - 4):  # its end must arrive, or we would wait for it
        clients_way.towards_server(corrupt=every)
        answer = ask_through(clients_way, request + b"\r\n" * 2)
        assert re.match(rb"HTTP/1\.1 (200|4\d\d|501|505) ", answer), (every, answer)
    clients_way.clear()
    assert api.get("/health/live").status == 200


@pytest.mark.parametrize("network", ["cut in the middle", "reset in the middle", "half-open", "black hole"])
def test_clients_that_vanish_leave_nothing_behind(clients_way, api, stack, network):
    """With requests under way: nobody else notices, and the connections are given back."""
    faults = {"cut": 60} if network.startswith("cut") else {"reset": 60} if network.startswith("reset") else NETWORKS[network]
    clients_way.towards_server(**faults)
    clients = [socket.create_connection(("127.0.0.1", clients_way.port)) for _ in range(50)]
    for client in clients:
        try:
            client.sendall(b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        except ConnectionError:
            pass
    assert api.get("/health/live").status == 200
    for client in clients:
        client.close()
    clients_way.clear()
    clients_way.cut()
    assert api.get("/health/live").status == 200
    end = time.monotonic() + RECOVERY
    while clients_way.seen()[1] > 0:
        assert time.monotonic() < end, "connections are left"
        time.sleep(0.05)
