# SPDX-License-Identifier: Apache-2.0
"""Who a client is behind proxies, and how many connections each may have."""
import re
import socket
import time

import pytest

from api_client import Api
from programs import Program


def check_config(stack, **settings):
    with Program(stack.bin / "bulkhead-api", "--check-config", environment=stack.env | settings) as program:
        return program.wait(), program.output


@pytest.mark.parametrize("value", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example.com", "10.0.0.0/8,", "10.0.0.0/8;::1", "*"])
def test_a_list_that_makes_no_sense_is_refused_at_the_start(stack, value):
    status, output = check_config(stack, TRUSTED_PROXIES=value)
    assert status == 78 and "TRUSTED_PROXIES" in output


def test_lists(stack):
    status, output = check_config(stack, TRUSTED_PROXIES="10.0.0.0/8, 2001:db8::/32,192.0.2.1,::1")
    assert status == 0, output


class Chain:
    """Tells clients apart by what is left of their limit."""

    def __init__(self, api):
        self.api = api

    def left(self, *chains):
        """What is left for whoever is the client of a request with these lines of X-Forwarded-For."""
        with socket.create_connection((self.api.host, self.api.port), timeout=20) as link:
            lines = "".join(f"X-Forwarded-For: {chain}\r\n" for chain in chains)
            link.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n".encode("latin-1"))
            answer = b"".join(iter(lambda: link.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 200 "), answer
        return int(re.search(r"RateLimit: .*;r=(\d+)", answer)[1])


@pytest.fixture(scope="module")
def chain(stack):
    return Chain(Api(stack.launch_another_api(TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8", RATE_LIMIT="1000/1h")))


def test_the_right_most_address_that_is_not_trusted(chain):
    assert chain.left("203.0.113.1") == 999
    assert chain.left("6.6.6.6, 203.0.113.1") == 998
    assert chain.left("6.6.6.6, 203.0.113.1, 10.1.1.1 ,10.2.2.2") == 997
    assert chain.left("6.6.6.6", "203.0.113.1, 10.1.1.1") == 996
    assert chain.left("203.0.113.1", "10.1.1.1", "") == 995
    assert chain.left("203.0.113.1:1234,10.1.1.1") == 994
    assert chain.left("6.6.6.6") == 999  # nobody was mistaken for it


def test_garbage_ends_the_walk(chain):
    for number, text in enumerate(["unknown", "_hidden", "203.0.113.2 x", "999.1.1.1", '"203.0.113.2"', "\xff\xfe", "[::1"]):
        assert chain.left(f"203.0.113.2, {text}, 10.7.7.7") == 999 - number
    assert chain.left("203.0.113.2") == 999


def test_long_chains(chain):
    assert chain.left(", ".join(["203.0.113.3"] + ["10.8.8.8"] * 1000)) == 999
    assert chain.left("203.0.113.3") == 999


def open_connection(api):
    link = socket.create_connection((api.host, api.port), timeout=20)
    link.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        served = link.recv(65536).startswith(b"HTTP/1.1 200 ")
    except ConnectionResetError:
        served = False
    if served:
        return link
    link.close()
    return None


def opened(api, count):
    return [link for link in (open_connection(api) for _ in range(count)) if link]


def test_connections_of_one_address(stack):
    api = Api(stack.launch_another_api(MAX_CONNECTIONS_PER_IP="5", API_THREADS="3"))
    ops = Api(f"http://127.0.0.1:{stack.ports[-1].number}")
    time.sleep(0.2)  # those that asked whether it is ready have been closed
    links = opened(api, 9)
    assert len(links) == 5
    page = ops.get("/metrics").body.decode()
    refused = re.search(r'^bulkhead_http_connections_refused_total\{server="api",reason="client"\} (\d+)', page, re.M)
    assert int(refused[1]) >= 4
    links.pop().close()
    end = time.monotonic() + 20
    while not (again := open_connection(api)) and time.monotonic() < end:
        time.sleep(0.05)
    assert again
    for link in [*links, again]:
        link.close()


def test_proxies_and_by_default_this_machine_may_have_any_number(stack):
    for settings in ({"MAX_CONNECTIONS_PER_IP": "5", "TRUSTED_PROXIES": "127.0.0.0/8"}, {}):
        api = Api(stack.launch_another_api(**settings))
        links = opened(api, 120)
        assert len(links) == 120
        for link in links:
            link.close()
