# SPDX-License-Identifier: Apache-2.0
"""/api/platform: who may, what is refused, and the life of a tenant through it."""
import concurrent.futures
import secrets
import time

import pytest

from api_client import PASSWORD, TIME, UUID, Api, assert_problem, pointers, unique
from programs import ADDRESS, Program, free_port

TENANTS = "/api/platform/tenants"
PATIENCE = 60  # seconds, for what takes milliseconds
ROUTES = [("GET", TENANTS), ("POST", TENANTS), ("GET", f"{TENANTS}/acme"), ("PATCH", f"{TENANTS}/acme"),
          ("DELETE", f"{TENANTS}/acme"), ("POST", f"{TENANTS}/acme/suspend"), ("POST", f"{TENANTS}/acme/resume"),
          ("POST", f"{TENANTS}/acme/undelete"), ("POST", f"{TENANTS}/acme/clone"), ("GET", f"{TENANTS}/acme/health"),
          ("GET", "/api/platform/jobs/0197c5a0-0000-7000-8000-000000000000"), ("GET", "/api/platform/audit")]


@pytest.fixture(scope="module")
def platform(stack):
    """Speaks with the platform's token."""
    return Api(stack.url, token=stack.env["PLATFORM_ADMIN_TOKEN"], timeout=PATIENCE)


def wanted(slug=None, **changes):
    slug = slug or unique("made").replace("_", "-")
    owner = {"email": "owner@example.com", "password": PASSWORD, "name": "The Owner"}
    return {"slug": slug, "name": f"Tenant {slug}", "owner": owner} | changes


def create(platform, slug=None, **changes):
    answer = platform.post(TENANTS, wanted(slug, **changes), headers={"Prefer": "wait=30"})
    assert answer.status == 201, answer
    return answer.json


def finished(platform, answer):
    """The job behind a 202, at its end."""
    assert answer.status == 202, answer
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        job = platform.get(answer.headers["Location"]).json
        if job["finished_at"]:
            assert job["state"] in ("succeeded", "failed"), job
            return job
        time.sleep(0.02)
    raise AssertionError(f"the job does not end: {job}")


def eventually(ask, status):
    """The answer, once it has this status: what changes reaches every reactor within 100 ms."""
    end = time.monotonic() + PATIENCE
    while (answer := ask()).status != status and time.monotonic() < end:
        time.sleep(0.01)
    assert answer.status == status, answer
    return answer


def log_in(platform, slug):
    """The owner of a tenant."""
    answer = platform.asking(token=None, tenant=slug).post(
        "/api/auth/login", {"email": "owner@example.com", "password": PASSWORD})
    assert answer.status == 200, answer
    return platform.asking(token=answer.json["access_token"])


# Who may.

@pytest.mark.parametrize("method, path", ROUTES)
def test_only_the_platforms_token_opens_it(stack, api, person, platform, method, path):
    token = stack.env["PLATFORM_ADMIN_TOKEN"]
    body = {} if method in ("POST", "PATCH") else None
    for other in (None, "garbage", token[:-1], token + "0", token.swapcase(), person.token, secrets.token_urlsafe(32)):
        assert_problem(api.asking(token=other).request(method, path, body), 401, "unauthenticated")
    twice = api.request(method, path, body, headers={"Authorization": f"Bearer {token}, Bearer {token}"})
    assert twice.status == 401, twice
    basic = api.request(method, path, body, headers={"Authorization": f"Basic {token}"})
    assert basic.status == 401, basic


def test_the_platforms_token_is_nobody_in_a_tenant(platform):
    for path in ("/api/tasks", "/api/auth/me"):
        assert_problem(platform.get(path), 401, "unauthenticated")
        assert_problem(platform.asking(tenant="acme").get(path), 401, "unauthenticated")


def test_without_a_token_it_is_not_there(stack):
    port, ops = free_port(), free_port()
    environment = stack.env | {"BIND_ADDRESS": ADDRESS, "OPS_BIND": ADDRESS, "PORT": str(port), "OPS_PORT": str(ops)}
    offered = environment.pop("PLATFORM_ADMIN_TOKEN")
    with Program(stack.bin / "bulkhead-api", environment=environment) as program:
        bare = program.wait_until_ready(f"http://{ADDRESS}:{port}")
        for method, path in ROUTES:
            for token in (None, offered, ""):
                answer = bare.asking(token=token).request(method, path, {} if method == "POST" else None)
                assert_problem(answer, 404, "not-found")
        assert not any("platform" in path for path in bare.get("/openapi.json").json["paths"])
        assert program.stop() == 0, program.output


def test_a_short_token_is_refused_at_the_start(stack):
    with Program(stack.bin / "bulkhead-api", "--check-config",
                 environment=stack.env | {"PLATFORM_ADMIN_TOKEN": "x" * 31}) as program:
        assert program.wait() == 78
        assert "PLATFORM_ADMIN_TOKEN" in program.output and "x" * 31 not in program.output


# Making tenants.

SLUGS = [("", "too_short"), ("a", "too_short"), ("a" * 40, "too_long"), ("www", "reserved"), ("admin", "reserved"),
         ("platform", "reserved"), ("Acme", "invalid_format"), ("1acme", "invalid_format"), ("-acme", "invalid_format"),
         ("acme-", "invalid_format"), ("a_b", "invalid_format"), ("a.b", "invalid_format"), ("a b", "invalid_format"),
         ("caf\u00e9", "invalid_format"), ("\u0430cme", "invalid_format"), ("acme\n", "invalid_format"),
         ("a'; drop table tenants; --", "invalid_format"), ("../acme", "invalid_format"), ("a%00", "invalid_format")]


@pytest.mark.parametrize("slug, code", SLUGS)
def test_slugs_that_are_refused(platform, slug, code):
    answer = platform.post(TENANTS, wanted() | {"slug": slug})
    assert pointers(answer) == ["/slug"]
    assert answer.json["errors"][0]["code"] == code, answer
    renamed = platform.patch(f"{TENANTS}/acme", {"slug": slug})
    assert pointers(renamed) == ["/slug"]


@pytest.mark.parametrize("change, pointer", [
    ({"name": ""}, "/name"), ({"name": "   "}, "/name"), ({"name": "x" * 201}, "/name"), ({"name": None}, "/name"),
    ({"owner": None}, "/owner"), ({"owner": {}}, "/owner/email"), ({"unknown": 1}, "/unknown"),
    ({"limits": {"users": -1}}, "/limits/users"), ({"limits": {"users": "5"}}, "/limits/users"),
    ({"limits": {"unknown": 5}}, "/limits/unknown"), ({"limits": {"storage_bytes": 2**53}}, "/limits/storage_bytes"),
    ({"owner": {"email": "nobody", "password": PASSWORD, "name": "N"}}, "/owner/email"),
    ({"owner": {"email": "a@example.com", "password": "short", "name": "N"}}, "/owner/password"),
    ({"owner": {"email": "a@example.com", "password": "password123", "name": "N"}}, "/owner/password"),
    ({"owner": {"email": "somebody@example.com", "password": "somebody@example.com", "name": "N"}}, "/owner/password"),
    ({"owner": {"email": "a@example.com", "password": PASSWORD, "name": ""}}, "/owner/name"),
])
def test_what_is_refused_of_a_new_tenant(platform, change, pointer):
    body = wanted(**change)
    assert pointer in pointers(platform.post(TENANTS, body))
    assert platform.get(f"{TENANTS}/{body['slug']}").status == 404  # nothing was taken


def test_a_tenant_is_made_while_the_client_waits(platform):
    body = wanted(limits={"users": 5})
    answer = platform.post(TENANTS, body, headers={"Prefer": "wait=30"})
    assert answer.status == 201, answer
    made = answer.json
    assert answer.headers["Location"] == f"{TENANTS}/{body['slug']}"
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert set(made) == {"id", "slug", "name", "status", "server", "database", "schema_version", "limits",
                         "created_at", "purge_after"}
    assert UUID.match(made["id"]) and TIME.match(made["created_at"])
    assert (made["slug"], made["name"], made["status"]) == (body["slug"], body["name"], "active")
    assert made["database"] == "bulkhead_t_" + made["id"].replace("-", "") and made["server"] == "control"
    assert made["schema_version"] >= 2 and made["purge_after"] is None
    assert made["limits"] == {"users": 5, "requests_per_minute": None, "storage_bytes": None, "jobs_in_flight": None}
    again = platform.get(answer.headers["Location"])
    assert (again.json, again.headers["ETag"]) == (made, answer.headers["ETag"])
    same = platform.get(answer.headers["Location"], headers={"If-None-Match": again.headers["ETag"]})
    assert same.status == 304
    owner = log_in(platform, body["slug"])
    me = owner.get("/api/auth/me").json
    assert (me["role"], me["email"], me["name"]) == ("owner", "owner@example.com", "The Owner")
    assert owner.post("/api/tasks", {"title": "first"}).status == 201


@pytest.mark.parametrize("prefer, applied", [
    (None, None), ("respond-async", None), ("wait", None), ("wait=x", None), ("wait=0", "wait=0"), ("foo;wait=9", None)])
def test_a_tenant_is_made_behind_the_answer(platform, prefer, applied):
    body = wanted()
    answer = platform.post(TENANTS, body, headers={"Prefer": prefer})
    assert answer.status == 202, answer
    job = answer.json
    assert answer.headers["Location"] == f"/api/platform/jobs/{job['id']}"
    assert answer.headers.get("Preference-Applied") == applied
    assert set(job) == {"id", "kind", "state", "step", "progress", "attempt", "error", "tenant", "slug", "created_at",
                        "updated_at", "finished_at"}
    assert (job["kind"], job["slug"]) == ("create", body["slug"])
    assert job["state"] in ("pending", "running", "succeeded")
    done = finished(platform, answer)
    assert (done["state"], done["progress"], done["error"]) == ("succeeded", 100, None), done
    assert platform.get(f"{TENANTS}/{body['slug']}").json["status"] == "active"
    log_in(platform, body["slug"])


@pytest.mark.parametrize("prefer, applied", [("wait=31", "wait=30"), ("respond-async, wait=5", "wait=5"),
                                             ('WAIT="7"; x=1, wait=9', "wait=7")])
def test_forms_of_prefer(platform, prefer, applied):
    answer = platform.post(TENANTS, wanted(), headers={"Prefer": prefer})
    assert answer.status in (201, 202), answer
    assert answer.headers["Preference-Applied"] == applied


def test_a_slug_is_taken_once(platform):
    for headers in ({"Prefer": "wait=30"}, {}):
        body = wanted()
        with concurrent.futures.ThreadPoolExecutor(8) as together:
            answers = list(together.map(lambda _: platform.post(TENANTS, body, headers=headers), range(8)))
        assert sorted(answer.status for answer in answers)[1:] == [409] * 7, answers
        first = next(answer for answer in answers if answer.status != 409)
        if first.status == 202:
            assert finished(platform, first)["state"] == "succeeded"
        for answer in answers:
            if answer.status == 409:
                assert_problem(answer, 409, "conflict")
    assert_problem(platform.post(TENANTS, wanted("acme")), 409, "conflict")


def test_a_job_that_is_none(platform):
    for name in ("0197c5a0-0000-7000-8000-000000000000", "x", "1", "%27"):
        assert_problem(platform.get(f"/api/platform/jobs/{name}"), 404, "not-found")


def test_work_outlives_the_program_that_began_it(stack, platform):
    port = free_port()
    environment = stack.env | {"BIND_ADDRESS": ADDRESS, "OPS_BIND": ADDRESS, "PORT": str(port), "OPS_PORT": str(free_port())}
    with Program(stack.bin / "bulkhead-api", environment=environment) as program:
        doomed = program.wait_until_ready(f"http://{ADDRESS}:{port}").asking(token=platform.token, timeout=PATIENCE)
        jobs = [doomed.post(TENANTS, wanted()) for _ in range(8)]
        assert program.stop(seconds=PATIENCE) == 0, program.output
    for job in jobs:
        assert finished(platform, job)["state"] == "succeeded"
        assert platform.get(f"{TENANTS}/{job.json['slug']}").json["status"] == "active"


# Finding them.

def test_the_list_has_pages_and_filters(platform):
    prefix = f"list{secrets.token_hex(4)}"
    slugs = sorted(f"{prefix}-{letter}" for letter in "cabed")
    for slug in slugs:
        create(platform, slug, name=f"Shop {slug[-1].upper()}")
    platform.post(f"{TENANTS}/{slugs[1]}/suspend")
    seen, cursor, pages = [], {}, 0
    while cursor is not None:
        page = platform.get(TENANTS, q=prefix.upper(), limit=2, **cursor).json
        seen += [tenant["slug"] for tenant in page["items"]]
        pages += 1
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert (seen, pages) == (slugs, 3)

    def found(**query):
        return [tenant["slug"] for tenant in platform.get(TENANTS, limit=100, **query).json["items"]]
    assert found(q=prefix, status="suspended") == [slugs[1]]
    assert found(q=prefix, status="active") == slugs[:1] + slugs[2:]
    assert found(q=f"{prefix}-b") == [slugs[1]]
    assert slugs[2] in found(q="shop c")
    assert found(q="%") == found(q="' or true --") == []
    everybody = found()
    assert {"acme", "default", *slugs} <= set(everybody) and everybody == sorted(everybody)


def test_what_the_lists_refuse(platform):
    cursor = platform.get(TENANTS, limit=1).json["next_cursor"]
    for query, pointer in (({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"status": "asleep"}, "status"),
                           ({"cursor": "x"}, "cursor"), ({"cursor": cursor, "status": "active"}, "cursor"),
                           ({"unknown": 1}, "unknown")):
        assert pointers(platform.get(TENANTS, **query)) == [f"/query/{pointer}"]
    assert pointers(platform.get("/api/platform/audit", cursor=cursor)) == ["/query/cursor"]
    assert pointers(platform.get("/api/platform/audit", tenant="acme")) == ["/query/tenant"]


@pytest.mark.parametrize("slug", ["there-is-none", "Acme", "a" * 60, "%27%20or%20true", "caf%C3%A9", "a.b"])
def test_a_tenant_that_is_none(platform, slug):
    asked = [platform.get(f"{TENANTS}/{slug}"), platform.patch(f"{TENANTS}/{slug}", {"name": "x"}),
             platform.delete(f"{TENANTS}/{slug}"), platform.get(f"{TENANTS}/{slug}/health")]
    asked += [platform.post(f"{TENANTS}/{slug}/{verb}") for verb in ("suspend", "resume", "undelete")]
    for answer in asked:
        assert_problem(answer, 404, "tenant-unknown")


# Changing them.

def test_a_tenant_is_renamed(platform):
    old, new = create(platform)["slug"], unique("renamed")
    owner = log_in(platform, old)
    answer = platform.patch(f"{TENANTS}/{old}", {"slug": new, "name": "Another name"})
    assert answer.status == 200 and answer.json["slug"] == new and answer.json["name"] == "Another name", answer
    assert_problem(platform.get(f"{TENANTS}/{old}"), 404, "tenant-unknown")
    assert platform.get(f"{TENANTS}/{new}").json == answer.json
    login = {"email": "owner@example.com", "password": PASSWORD}
    outside = platform.asking(token=None)
    assert_problem(eventually(lambda: outside.asking(tenant=old).post("/api/auth/login", login), 404),
                   404, "tenant-unknown")
    assert outside.asking(tenant=new).post("/api/auth/login", login).status == 200
    assert owner.get("/api/auth/me").status == 200  # a token names the tenant by its id
    assert create(platform, old)["id"] != answer.json["id"]  # the slug is free
    assert_problem(platform.patch(f"{TENANTS}/{old}", {"slug": new}), 409, "conflict")


def test_limits_are_merged(platform):
    place = f"{TENANTS}/{create(platform, limits={'users': 3, 'storage_bytes': 1000})['slug']}"

    def limits(patch):
        answer = platform.patch(place, {"limits": patch})
        assert answer.status == 200, answer
        return {name: value for name, value in answer.json["limits"].items() if value is not None}
    assert limits({"users": 4}) == {"users": 4, "storage_bytes": 1000}
    assert limits({"storage_bytes": None, "requests_per_minute": 60}) == {"users": 4, "requests_per_minute": 60}
    assert limits({}) == {"users": 4, "requests_per_minute": 60}
    assert limits(None) == {}
    with concurrent.futures.ThreadPoolExecutor(4) as together:
        names = ["users", "requests_per_minute", "storage_bytes", "jobs_in_flight"]
        assert set(together.map(lambda name: platform.patch(place, {"limits": {name: 7}}).status, names)) == {200}
    assert platform.get(place).json["limits"] == dict.fromkeys(names, 7)


def test_if_match_guards_changes(platform):
    place = f"{TENANTS}/{create(platform)['slug']}"
    tag = platform.get(place).headers["ETag"]
    changed = platform.patch(place, {"name": "First"}, headers={"If-Match": tag})
    assert changed.status == 200 and changed.headers["ETag"] != tag
    assert_problem(platform.patch(place, {"name": "Second"}, headers={"If-Match": tag}), 412, "precondition-failed")
    assert platform.get(place).json["name"] == "First"
    assert platform.patch(place, {"name": "Third"}, headers={"If-Match": "*"}).status == 200
    assert platform.patch(place, {}).json["name"] == "Third"


def test_a_suspended_tenant(platform):
    slug = create(platform)["slug"]
    owner, place = log_in(platform, slug), f"{TENANTS}/{slug}"
    answer = platform.post(f"{place}/suspend", {"reason": "unpaid"})
    assert (answer.status, answer.json["status"]) == (200, "suspended"), answer
    assert_problem(eventually(lambda: owner.get("/api/tasks"), 403), 403, "tenant-suspended")
    login = {"email": "owner@example.com", "password": PASSWORD}
    outside = platform.asking(token=None, tenant=slug)
    assert_problem(eventually(lambda: outside.post("/api/auth/login", login), 403), 403, "tenant-suspended")
    assert_problem(platform.post(f"{place}/suspend"), 409, "conflict")
    assert platform.get(f"{place}/health").json["status"] == "healthy"
    assert platform.post(f"{place}/resume").json["status"] == "active"
    assert eventually(lambda: owner.get("/api/tasks"), 200).json["items"] == []
    assert owner.post("/api/tasks", {"title": "again"}).status == 201
    assert_problem(platform.post(f"{place}/resume"), 409, "conflict")
    assert pointers(platform.post(f"{place}/suspend", {"reason": "x" * 501})) == ["/reason"]


def test_a_deleted_tenant_comes_back(platform):
    slug = create(platform)["slug"]
    owner, place = log_in(platform, slug), f"{TENANTS}/{slug}"
    task = owner.post("/api/tasks", {"title": "kept"}).json
    assert_problem(platform.post(f"{place}/undelete"), 409, "conflict")
    gone = platform.delete(place)
    assert gone.json["kind"] == "delete", gone
    assert_problem(eventually(lambda: owner.get("/api/tasks"), 404), 404, "tenant-unknown")
    login = {"email": "owner@example.com", "password": PASSWORD}
    outside = platform.asking(token=None, tenant=slug)
    assert_problem(eventually(lambda: outside.post("/api/auth/login", login), 404), 404, "tenant-unknown")
    assert finished(platform, gone)["state"] == "succeeded"
    deleted = platform.get(place).json
    assert deleted["status"] == "deleted" and TIME.match(deleted["purge_after"])
    assert deleted["purge_after"][:10] > deleted["created_at"][:10]
    assert_problem(platform.post(TENANTS, wanted(slug)), 409, "conflict")
    assert_problem(platform.delete(place), 409, "conflict")
    assert_problem(platform.post(f"{place}/suspend"), 409, "conflict")
    back = platform.post(f"{place}/undelete")
    assert (back.json["kind"], finished(platform, back)["state"]) == ("undelete", "succeeded")
    assert platform.get(place).json["status"] == "active" and platform.get(place).json["purge_after"] is None
    assert eventually(lambda: owner.get(f"/api/tasks/{task['id']}"), 200).json["title"] == "kept"
    log_in(platform, slug)


def test_a_clone(platform):
    source = create(platform, limits={"users": 7})
    place, slug = f"{TENANTS}/{source['slug']}", unique("clone")
    owner = log_in(platform, source["slug"])
    task = owner.post("/api/tasks", {"title": "copied"}).json
    answer = platform.post(f"{place}/clone", {"slug": slug, "name": "The clone"}, headers={"Prefer": "wait=30"})
    assert (answer.status, answer.headers["Location"]) == (201, f"{TENANTS}/{slug}"), answer
    clone = answer.json
    assert (clone["name"], clone["status"], clone["limits"]) == ("The clone", "active", source["limits"])
    assert clone["id"] != source["id"] and clone["database"] != source["database"]
    in_clone = log_in(platform, slug)
    assert [one["title"] for one in in_clone.get("/api/tasks").json["items"]] == ["copied"]
    # A token is good in its own tenant only, though users and ids are the same.
    assert owner.get("/api/auth/me").json == in_clone.get("/api/auth/me").json
    assert_problem(owner.asking(tenant=slug).get("/api/tasks"), 403, "tenant-mismatch")
    # From here on they are two.
    assert in_clone.delete(f"/api/tasks/{task['id']}").status == 204
    assert owner.get(f"/api/tasks/{task['id']}").status == 200
    for wrong, body in (((409, "conflict"), {"slug": slug, "name": "N"}),
                        ((409, "conflict"), {"slug": source["slug"], "name": "N"})):
        assert_problem(platform.post(f"{place}/clone", body), *wrong)
    assert pointers(platform.post(f"{place}/clone", {"slug": "www", "name": ""})) == ["/slug", "/name"]
    assert_problem(platform.post(f"{TENANTS}/there-is-none/clone", {"slug": unique("c"), "name": "N"}),
                   404, "tenant-unknown")
    behind = platform.post(f"{place}/clone", {"slug": unique("clone"), "name": "N"})
    assert (behind.json["kind"], finished(platform, behind)["state"]) == ("clone", "succeeded")


# Watching them.

def test_the_health_of_a_tenant(stack, platform):
    made = create(platform)
    place = f"{TENANTS}/{made['slug']}"
    good = platform.get(f"{place}/health").json
    assert (good["status"], good["database"]) == ("healthy", "connected"), good
    assert good["schema_version"] == good["head"] == made["schema_version"]
    assert good["latency_ms"] >= 0 and good["connections"] >= 0 and good["storage_bytes"] > 1_000_000
    stack.sql("default", f'alter database "{made["database"]}" allow_connections false')
    try:
        bad = platform.get(f"{place}/health").json
        assert (bad["status"], bad["database"], bad["latency_ms"]) == ("unhealthy", "disconnected", None), bad
        assert platform.get(f"{TENANTS}/acme/health").json["status"] == "healthy"
    finally:
        stack.sql("default", f'alter database "{made["database"]}" allow_connections true')


def test_the_audit_log(platform):
    identity = unique("audited")
    made = platform.post(TENANTS, wanted(), headers={"Prefer": "wait=30", "X-Request-ID": identity}).json
    place = f"{TENANTS}/{made['slug']}"
    platform.post(f"{place}/suspend", {"reason": "for the log"})
    platform.post(f"{place}/resume")
    finished(platform, platform.delete(place))
    entries = platform.get("/api/platform/audit", tenant=made["id"], limit=100).json["items"]
    assert [entry["action"] for entry in entries] == ["tenant.delete", "tenant.resume", "tenant.suspend", "tenant.create"]
    assert {(entry["actor"], entry["slug"], entry["tenant"]) for entry in entries} == {("api", made["slug"], made["id"])}
    assert all(TIME.match(entry["at"]) and entry["detail"]["request_id"] for entry in entries)
    assert entries[3]["detail"]["request_id"] == identity and entries[2]["detail"]["reason"] == "for the log"
    paged, cursor = [], {}
    while cursor is not None:
        page = platform.get("/api/platform/audit", tenant=made["id"], limit=3, **cursor).json
        paged += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert paged == entries
    assert PASSWORD not in str(platform.get("/api/platform/audit", limit=100).body)


# Limits, and what is used of them.

def people(platform, slug, count):
    """Signs so many people up at once; their answers."""
    outside = platform.asking(token=None, tenant=slug)

    def sign_up(number):
        return outside.post("/api/auth/signup", {"email": f"{slug}{number}@example.com", "password": PASSWORD, "name": "N"})
    with concurrent.futures.ThreadPoolExecutor(count) as together:
        return list(together.map(sign_up, range(count)))


def test_the_last_place_is_given_once(platform):
    for _ in range(5):
        slug = create(platform, limits={"users": 3})["slug"]  # the owner is the first
        answers = people(platform, slug, 8)
        assert sorted(answer.status for answer in answers) == [201] * 2 + [403] * 6, answers
        for answer in answers:
            if answer.status == 403:
                assert_problem(answer, 403, "quota-exceeded")
        assert log_in(platform, slug).get("/api/usage").json["users"] == {"used": 3, "limit": 3}


def test_a_raised_limit_makes_room(platform):
    slug = create(platform, limits={"users": 0})["slug"]  # also then it has an owner
    outside = platform.asking(token=None, tenant=slug)
    signup = {"email": "late@example.com", "password": PASSWORD, "name": "Late"}
    assert_problem(outside.post("/api/auth/signup", signup), 403, "quota-exceeded")
    assert platform.patch(f"{TENANTS}/{slug}", {"limits": {"users": 2}}).status == 200
    eventually(lambda: outside.post("/api/auth/signup", signup), 201)
    assert_problem(outside.post("/api/auth/signup", signup | {"email": "x@example.com"}), 403, "quota-exceeded")


def test_what_is_used(stack, platform):
    slug = create(platform)["slug"]
    owner = log_in(platform, slug)
    unlimited = owner.get("/api/usage")
    assert unlimited.status == 200 and set(unlimited.json) == {"users", "requests_per_minute", "storage_bytes",
                                                               "jobs_in_flight"}
    assert unlimited.json["users"] == {"used": 1, "limit": None}
    assert unlimited.json["requests_per_minute"] == {"used": None, "limit": None}
    assert unlimited.json["jobs_in_flight"] == {"used": 0, "limit": None}
    limits = {"users": 5, "requests_per_minute": 1000, "storage_bytes": 10**9, "jobs_in_flight": 4}
    assert platform.patch(f"{TENANTS}/{slug}", {"limits": limits}).status == 200
    eventually(lambda: owner.asking(tenant="acme").get("/api/usage"), 403)  # a mismatch is no request of the tenant
    end = time.monotonic() + PATIENCE
    while (usage := owner.get("/api/usage").json)["users"]["limit"] != 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert {name: part["limit"] for name, part in usage.items()} == limits
    before = usage["requests_per_minute"]["used"]
    for _ in range(5):
        owner.get("/api/tasks")
    assert owner.get("/api/usage").json["requests_per_minute"]["used"] >= before + 5 * 0.9
    assert set(usage["storage_bytes"]) == {"used", "limit", "measured_at"}


@pytest.mark.parametrize("role, status", [("owner", 200), ("admin", 200), ("member", 403), ("viewer", 403)])
def test_who_may_see_what_is_used(stack, api, role, status):
    person = api.sign_up()
    stack.sql("default", f"update users set role = '{role}' where id = '{person.user['id']}'")
    login = api.post("/api/auth/login", {"email": person.email, "password": PASSWORD}).json
    answer = api.asking(token=login["access_token"]).get("/api/usage")
    assert answer.status == status, answer
    if status == 403:
        assert_problem(answer, 403, "forbidden")
    assert_problem(api.get("/api/usage"), 401, "unauthenticated")
