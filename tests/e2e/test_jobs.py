# SPDX-License-Identifier: Apache-2.0
"""Jobs as users see them: whose they are, how far they are, and what cancelling does. The rows are written here; how they
are made and run is tested where that is."""
import json
import uuid

import pytest

from api_client import TIME, PASSWORD, assert_problem, pointers, unique


def insert(stack, tenant, user=None, **columns):
    """A job that is too far in the future for any worker, unless `columns` say otherwise."""
    identity = str(uuid.uuid4())
    values = {"id": f"'{identity}'", "kind": "'test.row'", "lane": "1", "payload": "'{}'", "most_attempts": "3",
              "user_id": f"'{user}'" if user else "null", "run_at": "now() + interval '1 day'"} | columns
    stack.sql(tenant, f"insert into jobs ({', '.join(values)}) values ({', '.join(values.values())})")
    return identity


def admin_of(stack, api, tenant):
    """Somebody who signs in after having been made an administrator."""
    email = f"{unique('admin')}@example.com"
    asking = api.asking(tenant=tenant)
    asking.sign_up(email=email)
    stack.sql(tenant, f"update users set role = 'admin' where email = '{email}'")
    answer = asking.post("/api/auth/login", {"email": email, "password": PASSWORD})
    return asking.asking(token=answer.json["access_token"])


@pytest.fixture(scope="module")
def house(stack, api):
    """A tenant of this module's own: its slug, two people and an administrator."""
    slug = unique("jobs")
    stack.create_tenant(slug)
    one, other = (api.asking(tenant=slug).sign_up() for _ in range(2))
    return slug, one, other, admin_of(stack, api, slug)


def test_one_job(stack, house):
    slug, one, *_ = house
    identity = insert(stack, slug, one.user["id"], state="1", attempt="2", progress_percent="40",
                      progress_note="'row 4'", started_at="now()", run_at="now()",
                      errors="""'[{"reason": "first"}, {"reason": "no answer"}]'""")
    answer = one.get(f"/api/jobs/{identity}")
    assert answer.status == 200, answer
    job = answer.json
    assert TIME.match(job.pop("run_at")) and TIME.match(job.pop("created_at")) and TIME.match(job.pop("started_at"))
    assert job == {"id": identity, "kind": "test.row", "state": "running", "progress": 40, "note": "row 4", "attempt": 2,
                   "most_attempts": 3, "error": "no answer", "cancel_requested": False, "user_id": one.user["id"],
                   "finished_at": None}
    etag = answer.headers["ETag"]
    assert one.get(f"/api/jobs/{identity}", headers={"If-None-Match": etag}).status == 304
    stack.sql(slug, f"update jobs set progress_percent = 41 where id = '{identity}'")
    changed = one.get(f"/api/jobs/{identity}", headers={"If-None-Match": etag})
    assert changed.status == 200 and changed.json["progress"] == 41 and changed.headers["ETag"] != etag


def test_own_jobs_only_unless_one_administers(stack, api, house):
    slug, one, other, admin = house
    mine, of_system = insert(stack, slug, one.user["id"]), insert(stack, slug)
    for identity in (mine, of_system):
        assert_problem(other.get(f"/api/jobs/{identity}"), 404, "not-found")
        assert_problem(other.post(f"/api/jobs/{identity}/cancel"), 404, "not-found")
        assert admin.get(f"/api/jobs/{identity}").status == 200
    listed = {job["id"] for job in one.get("/api/jobs", limit=100).json["items"]}
    assert mine in listed and of_system not in listed
    assert {mine, of_system} <= {job["id"] for job in admin.get("/api/jobs", limit=100).json["items"]}
    assert mine not in other.get("/api/jobs", limit=100).body.decode()
    stranger = admin_of(stack, api, "acme")
    assert_problem(stranger.get(f"/api/jobs/{mine}"), 404, "not-found")
    assert_problem(stranger.post(f"/api/jobs/{mine}/cancel"), 404, "not-found")
    assert stack.sql(slug, f"select state from jobs where id = '{mine}'").strip() == "0"


def test_pages_and_filters(stack, api):
    slug = unique("pages")
    stack.create_tenant(slug)
    one = api.asking(tenant=slug).sign_up()
    made = [insert(stack, slug, one.user["id"], kind=f"'test.k{n % 2}'",
                   created_at=f"now() - interval '{n} minutes'") for n in range(7)]
    seen, query = [], {"limit": 3}
    while True:
        page = one.get("/api/jobs", **query).json
        seen += [job["id"] for job in page["items"]]
        if not page["next_cursor"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made
    of_kind = one.get("/api/jobs", kind="test.k1", limit=2).json
    assert [job["id"] for job in of_kind["items"]] == [made[1], made[3]]
    assert pointers(one.get("/api/jobs", limit=2, cursor=of_kind["next_cursor"])) == ["/query/cursor"]
    done = insert(stack, slug, one.user["id"], state="2", finished_at="now()")
    now = insert(stack, slug, one.user["id"], state="1", run_at="now()")
    for state, expected in (("succeeded", [done]), ("running", [now]), ("failed", []), ("scheduled", made)):
        assert [job["id"] for job in one.get("/api/jobs", state=state).json["items"]] == expected, state
    assert pointers(one.get("/api/jobs", state="lost")) == ["/query/state"]


def test_cancelling(stack, house):
    slug, one, *_ = house
    waiting = insert(stack, slug, one.user["id"])
    answer = one.post(f"/api/jobs/{waiting}/cancel")
    assert answer.status == 200 and answer.json["state"] == "cancelled" and answer.json["finished_at"], answer
    assert_problem(one.post(f"/api/jobs/{waiting}/cancel"), 409, "conflict")
    running = insert(stack, slug, one.user["id"], state="1", run_at="now()")
    for _ in range(2):
        answer = one.post(f"/api/jobs/{running}/cancel")
        assert (answer.status, answer.json["state"], answer.json["cancel_requested"]) == (200, "running", True), answer
    done = insert(stack, slug, one.user["id"], state="2", finished_at="now()")
    assert_problem(one.post(f"/api/jobs/{done}/cancel"), 409, "conflict")
    assert_problem(one.post(f"/api/jobs/{uuid.uuid4()}/cancel"), 404, "not-found")


def test_cancelling_is_repeated_with_a_key(stack, house):
    slug, one, *_ = house
    waiting = insert(stack, slug, one.user["id"])
    key = {"Idempotency-Key": json.dumps(unique("cancel"))}
    first, second = (one.post(f"/api/jobs/{waiting}/cancel", headers=key) for _ in range(2))
    assert first.status == second.status == 200 and first.json == second.json
    assert second.headers.get("Idempotency-Replayed"), second


def test_usage_counts_open_jobs(stack, house):
    slug, *_, admin = house
    before = admin.get("/api/usage").json["jobs_in_flight"]["used"]
    insert(stack, slug)
    insert(stack, slug, state="4", finished_at="now()")
    assert admin.get("/api/usage").json["jobs_in_flight"]["used"] == before + 1
