# SPDX-License-Identifier: Apache-2.0
"""Which tenant a request belongs to: token, X-Tenant-ID, host and default, and everything that disagrees is refused. The
API knows the base domain example.test."""
import json

import pytest

from api_client import Api, raw_exchange, unique

HERE = "localhost"


@pytest.fixture(scope="module")
def served(stack):
    """An API with a base domain."""
    return Api(stack.launch_another_api(TENANT_BASE_DOMAIN="example.test"))


@pytest.fixture(scope="module")
def people(served):
    """A user in each of two tenants."""
    return {slug: served.asking(tenant=slug).sign_up(email=f"{unique('who')}@example.com") for slug in ("default", "acme")}


def ask(api, host, headers=(), target="/api/auth/me", body=None):
    """Status and problem of one request, written byte for byte."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    received, _ = raw_exchange(api, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content)
    head, _, answer = received.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, json.loads(answer).get("type", "").removeprefix("/problems/") if answer else ""


MISMATCH, UNKNOWN = (403, "tenant-mismatch"), (404, "tenant-unknown")

WITH_TOKEN = [  # a token of acme
    (HERE, [], 200),
    ("acme.example.test", [], 200),
    ("ACME.example.test.:8000", ["X-Tenant-ID: acme"], 200),
    ("example.test", [], 200),  # names nobody
    ("[::1]:8000", [], 200),
    ("default.example.test", [], MISMATCH),
    (HERE, ["X-Tenant-ID: default"], MISMATCH),
    (HERE, ["X-Tenant-ID: there-is-none"], MISMATCH),
    ("there-is-none.example.test", [], MISMATCH),
    ("a.acme.example.test", [], MISMATCH),
    (HERE, ["X-Tenant-ID:"], MISMATCH),
    (HERE, ["X-Tenant-ID: ACME"], MISMATCH),
    (HERE, ["X-Tenant-ID: acme", "X-Tenant-ID: acme"], 200),
    (HERE, ["X-Tenant-ID: acme", "X-Tenant-ID: default"], MISMATCH),
    (HERE, ["X-Tenant-ID: acme, default"], MISMATCH),
    ("acme.example.test", ["X-Tenant-ID: default"], MISMATCH),
    ("default.example.test", ["X-Tenant-ID: acme"], MISMATCH),
    ("xn--acme-5qa.example.test", [], MISMATCH),
]


@pytest.mark.parametrize("host, headers, wanted", WITH_TOKEN)
def test_with_a_token(served, people, host, headers, wanted):
    token = f"Authorization: Bearer {people['acme'].token}"
    status, problem = ask(served, host, [token, *headers])
    assert (status if wanted == 200 else (status, problem)) == wanted


@pytest.mark.parametrize("target, host, wanted", [
    ("http://acme.example.test/api/auth/me", "acme.example.test", 200),
    ("http://acme.example.test/api/auth/me", HERE, 200),
    ("http://default.example.test/api/auth/me", HERE, MISMATCH),
    ("http://acme.example.test/api/auth/me", "default.example.test", MISMATCH),
])
def test_absolute_targets_with_a_token(served, people, target, host, wanted):
    status, problem = ask(served, host, [f"Authorization: Bearer {people['acme'].token}"], target=target)
    assert (status if wanted == 200 else (status, problem)) == wanted


BEFORE_LOGIN = [  # host, headers, whose user may log in
    (HERE, [], "default"),
    ("example.test", [], "default"),
    ("example.test.", [], "default"),
    ("[::1]:8000", [], "default"),
    ("acme.example.org", [], "default"),
    ("acme.example.test", [], "acme"),
    ("Acme.Example.TEST:80", [], "acme"),
    ("acme.example.test.", [], "acme"),
    ("%61cme.example%2etest", [], "acme"),
    (HERE, ["X-Tenant-ID: acme"], "acme"),
    ("acme.example.test", ["X-Tenant-ID: acme"], "acme"),
    ("acme.example.test", ["X-Tenant-ID: default"], MISMATCH),
    (HERE, ["X-Tenant-ID: acme", "x-tenant-id: default"], MISMATCH),
    (HERE, ["X-Tenant-ID:"], UNKNOWN),
    (HERE, ["X-Tenant-ID: Acme"], UNKNOWN),
    (HERE, ["X-Tenant-ID: m\u00fcnchen"], UNKNOWN),
    ("nobody.example.test", [], UNKNOWN),
    ("a.acme.example.test", [], UNKNOWN),
    (".example.test", [], UNKNOWN),
]


@pytest.mark.parametrize("host, headers, wanted", BEFORE_LOGIN)
def test_before_login(served, people, host, headers, wanted):
    for slug, person in people.items():
        answer = ask(served, host, headers, "/api/auth/login",
                     {"email": person.email, "password": "correct horse battery staple"})
        if isinstance(wanted, tuple):
            assert answer == wanted
        else:
            assert answer[0] == (200 if wanted == slug else 401), (slug, answer)


def test_without_a_base_domain_hosts_say_nothing(api, people):
    token = f"Authorization: Bearer {people['acme'].token}"
    assert ask(api, "default.example.test", [token])[0] == 200
