# SPDX-License-Identifier: Apache-2.0
"""Tenants do not see each other. The matrix is made from /openapi.json: every operation, asked with the credentials
of everybody who must not get in, so that a new route is covered the day it is mounted."""
import json
import secrets
import types

import pytest

from api_client import PASSWORD, Api, assert_problem, unique
from openapi_samples import operations
from test_auth import encode, parts_of

NOBODY = "0197c5a0-0000-7000-8000-000000000000"


def settle(api, slug):
    """A tenant with two people; all that is theirs carries the tenant's canary."""
    canary = f"canary{secrets.token_hex(6)}"
    here = api.asking(tenant=slug)
    people = [here.sign_up(email=f"{canary}{n}@example.com", name=f"{canary} {n}") for n in range(2)]
    for person in people:
        answer = person.post("/api/tasks", {"title": f"{canary} title", "description": f"{canary} text"})
        assert answer.status == 201, answer
        person.task = answer.json
    return types.SimpleNamespace(slug=slug, canary=canary, api=here, owner=people[0], neighbour=people[1])


@pytest.fixture(scope="module")
def tenants(stack, api):
    stack.create_tenant("other")
    return types.SimpleNamespace(home=settle(api, "default"), other=settle(api, "other"))


@pytest.fixture(scope="module")
def table(api):
    rows = operations(api.get("/openapi.json").json)
    assert {"POST /api/auth/login", "GET /api/tasks", "DELETE /api/tasks/{id}"} <= {repr(row) for row in rows}
    return rows


def intruders(tenants):
    """Who must not see what belongs to tenants.home.owner, and whether they have an account somewhere at all."""
    bare = Api(tenants.home.owner.url)
    yield "another user of the tenant", tenants.home.neighbour, True
    yield "a user of another tenant", tenants.other.owner.asking(tenant=None), True
    yield "a user of another tenant who names it", tenants.other.owner, True
    yield "nobody", bare, False
    yield "nobody who names the tenant", bare.asking(tenant=tenants.home.slug), False
    yield "garbage", bare.asking(token="garbage"), False
    yield "no signature", bare.asking(token=tenants.home.owner.token.rsplit(".", 1)[0] + "."), False
    header, claims = parts_of(tenants.home.owner.token)
    foreign, foreign_claims = parts_of(tenants.other.owner.token)
    signature = tenants.other.owner.token.split(".")[2]
    moved = foreign_claims | {"tid": claims["tid"]}
    for name, head, body in (("claims of the victim under a foreign signature", foreign, claims),
                             ("foreign claims with the victim's tenant", foreign, moved),
                             ("the victim's key id", header, foreign_claims)):
        forged = [encode(json.dumps(part).encode()) for part in (head, body)] + [signature]
        yield name, bare.asking(token=".".join(forged)), False


def ask(who, row, identity, **more):
    body = row.body()
    if row.path == "/api/auth/signup":
        body = body | {"email": f"{unique('matrix')}@example.com"}
    return who.request(row.method, row.path_with(identity), body, **more)


def test_the_leak_matrix(table, tenants):
    victim = tenants.home.owner
    before = victim.get("/api/tasks").body, victim.get("/api/auth/me").body
    for name, intruder, known in intruders(tenants):
        for row in table:
            answer = ask(intruder, row, victim.task["id"])
            told = f"{name}: {answer}"
            own_tenant = intruder is tenants.home.neighbour
            foreign = [victim.task["id"], victim.user["id"], victim.email]
            foreign += [] if own_tenant else [tenants.home.canary]
            if row.has_id:
                foreign.remove(victim.task["id"])  # it was in our question
            shown = answer.body.decode("utf-8", "replace") + str(answer.headers.items())
            assert not any(secret in shown for secret in foreign), told
            if row.secured and not known:
                assert answer.status == 401, told
            elif row.secured and row.has_id:
                assert answer.status == 404, told
    assert (victim.get("/api/tasks").body, victim.get("/api/auth/me").body) == before


def test_a_token_and_a_header_that_disagree(table, tenants):
    for row in table:
        if not row.secured:
            continue
        for who, named in ((tenants.home.owner, "other"), (tenants.other.owner, "default")):
            answer = ask(who.asking(tenant=named), row, NOBODY)
            assert_problem(answer, 403, "tenant-mismatch")
        answer = ask(tenants.home.owner.asking(tenant="there-is-none"), row, NOBODY)
        assert answer.status in (403, 404) and answer.json["type"].startswith("/problems/tenant-"), answer


def test_an_unknown_tenant(table, tenants):
    for row in table:
        named = any(p.get("name") == "X-Tenant-ID" for p in row.described.get("parameters", []))
        if named:
            answer = ask(Api(tenants.home.api.url, tenant="there-is-none"), row, NOBODY)
            assert_problem(answer, 404, "tenant-unknown")


@pytest.mark.parametrize("slug", ["", "A", "d", "-a", "a" * 60, "a_b", "../default", "default,other", "%00",
                                  "caf\u00e9"])
def test_what_is_no_slug_is_no_tenant(tenants, slug):
    body = {"email": f"{unique('slug')}@example.com", "password": PASSWORD}
    named = {"X-Tenant-ID": slug.encode("latin-1")}
    answer = tenants.home.api.asking(tenant=None).post("/api/auth/login", body, headers=named)
    assert answer.status in (400, 404), answer


def test_accounts_are_per_tenant(tenants):
    email = f"{unique('both')}@example.com"
    at_home = tenants.home.api.sign_up(email=email, password="the password at home")
    elsewhere = tenants.other.api.sign_up(email=email, password="the password elsewhere")
    assert at_home.user["id"] != elsewhere.user["id"]
    wrong = tenants.other.api.post("/api/auth/login", {"email": email, "password": "the password at home"})
    assert_problem(wrong, 401, "invalid-credentials")
    right = tenants.other.api.post("/api/auth/login", {"email": email, "password": "the password elsewhere"})
    assert right.json["user"]["id"] == elsewhere.user["id"]


def test_the_default_tenant_is_used_when_none_is_named(tenants):
    bare = tenants.home.api.asking(tenant=None)
    good = {"email": tenants.home.owner.email, "password": PASSWORD}
    assert bare.post("/api/auth/login", good).status == 200
    foreign = {"email": tenants.other.owner.email, "password": PASSWORD}
    assert_problem(bare.post("/api/auth/login", foreign), 401, "invalid-credentials")


def test_the_token_alone_names_the_tenant(tenants):
    for tenant in (tenants.home, tenants.other):
        person = tenant.owner.asking(tenant=None)
        titles = [task["title"] for task in person.get("/api/tasks", q="canary").json["items"]]
        assert titles == [f"{tenant.canary} title"]
    assert tenants.home.owner.get("/api/auth/me").json["id"] != tenants.other.owner.get("/api/auth/me").json["id"]
