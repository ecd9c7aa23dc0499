# SPDX-License-Identifier: Apache-2.0
"""Tenants do not see each other. The matrix is made from /openapi.json: every operation, asked with the credentials
of everybody who must not get in, so that a new route is covered the day it is mounted."""
import json
import secrets
import types

import pytest

from api_client import PASSWORD, Api, assert_problem, unique
from openapi_samples import operations
from tokens import encode, parts_of

NOBODY = "0197c5a0-0000-7000-8000-000000000000"
ROLES = ("owner", "admin", "member", "viewer")


def settle(stack, api, slug):
    """A tenant with a person who has something to lose, and one of each role who has not; all that is theirs carries
    the tenant's canary."""
    canary = f"canary{secrets.token_hex(6)}"
    here = api.asking(tenant=slug)
    victim = here.sign_up(email=f"{canary}@example.com", name=canary)
    answer = victim.post("/api/tasks", {"title": f"{canary} title", "description": f"{canary} text"})
    assert answer.status == 201, answer
    victim.task = answer.json
    others = {role: with_role(stack, here, slug, role, f"{canary}{role}@example.com") for role in ROLES}
    return types.SimpleNamespace(slug=slug, canary=canary, api=here, owner=victim, roles=others)


def with_role(stack, here, slug, role, email):
    person = here.sign_up(email=email, name=email)
    stack.sql(slug, f"update users set role = '{role}' where id = '{person.user['id']}'")
    answer = here.post("/api/auth/login", {"email": email, "password": PASSWORD})
    assert answer.status == 200 and answer.json["user"]["role"] == role, answer
    return here.asking(token=answer.json["access_token"])


@pytest.fixture(scope="module")
def tenants(stack, api):
    stack.create_tenant("other")
    return types.SimpleNamespace(home=settle(stack, api, "default"), other=settle(stack, api, "other"))


@pytest.fixture(scope="module")
def table(api):
    rows = operations(api.get("/openapi.json").json)
    assert {"POST /api/auth/login", "GET /api/tasks", "DELETE /api/tasks/{id}"} <= {repr(row) for row in rows}
    return rows


class Intruder:
    """Somebody who must not see what is the victim's. `signed_in`: has an account in some tenant, `own`: in this one."""

    def __init__(self, name, api, role=None, own=False, platform=False):
        self.name, self.api, self.role, self.own, self.platform = name, api, role, own, platform
        self.signed_in = role is not None

    def may_be_told(self, row):
        """The statuses of an answer about something of the victim's; none: anything that shows nothing."""
        if row.of_platform:
            return () if self.platform else (401, 403)
        if row.secured and not self.signed_in:
            return (401,)
        if row.secured and row.path.startswith("/api/webhooks") and self.role not in ("owner", "admin"):
            return (403,)
        if row.secured and row.has_id:
            return (403,) if self.role == "viewer" and row.method != "GET" else (404,)
        return ()


def intruders(victims, others, platform_token):
    bare = Api(victims.owner.url)
    for role in ROLES:
        yield Intruder(f"{role} of the tenant", victims.roles[role], role, own=True)
        yield Intruder(f"{role} of another tenant", others.roles[role].asking(tenant=None), role)
        yield Intruder(f"{role} of another tenant who names it", others.roles[role], role)
    yield Intruder("the platform", bare.asking(token=platform_token), platform=True)
    yield Intruder("the platform, naming the tenant", bare.asking(token=platform_token, tenant=victims.slug), platform=True)
    yield Intruder("nobody", bare)
    yield Intruder("nobody who names the tenant", bare.asking(tenant=victims.slug))
    yield Intruder("garbage", bare.asking(token="garbage"))
    yield Intruder("no signature", bare.asking(token=victims.owner.token.rsplit(".", 1)[0] + "."))
    header, claims = parts_of(victims.owner.token)
    foreign, foreign_claims = parts_of(others.owner.token)
    signature = others.owner.token.split(".")[2]
    moved = foreign_claims | {"tid": claims["tid"]}
    for name, head, body in (("claims of the victim under a foreign signature", foreign, claims),
                             ("foreign claims with the victim's tenant", foreign, moved),
                             ("the victim's key id", header, foreign_claims)):
        forged = [encode(json.dumps(part).encode()) for part in (head, body)] + [signature]
        yield Intruder(name, bare.asking(token=".".join(forged)))


def ask(who, row, identity, **more):
    body = row.body()
    if row.path == "/api/auth/signup":
        body = body | {"email": f"{unique('matrix')}@example.com"}
    return who.request(row.method, row.path_with(identity), body, **more)


@pytest.mark.parametrize("whose", ["home", "other"])
def test_the_leak_matrix(stack, table, tenants, whose):
    """Route x role x two tenants: who owns a task asks for it and is shown it, nobody else is."""
    victims, others = (tenants.home, tenants.other) if whose == "home" else (tenants.other, tenants.home)
    victim = victims.owner
    before = victim.get("/api/tasks").body, victim.get("/api/auth/me").body
    assert victims.canary in before[0].decode() and victims.canary in before[1].decode()
    for intruder in intruders(victims, others, stack.env["PLATFORM_ADMIN_TOKEN"]):
        foreign = [victim.task["id"], victim.user["id"], victim.email] + ([] if intruder.own else [victims.canary])
        for row in table:
            answer = ask(intruder.api, row, victim.task["id"])
            told = f"{intruder.name}: {answer}"
            asked_for = victim.task["id"] if row.has_id else None  # was in the question
            shown = answer.body.decode("utf-8", "replace") + str(answer.headers.items())
            assert not any(secret in shown for secret in foreign if secret != asked_for), told
            expected = intruder.may_be_told(row)
            assert not expected or answer.status in expected, told
    assert (victim.get("/api/tasks").body, victim.get("/api/auth/me").body) == before


def test_a_token_and_a_header_that_disagree(table, tenants):
    for row in table:
        if not row.secured or row.of_platform:
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
