# SPDX-License-Identifier: Apache-2.0
"""Webhooks: real calls to a local receiver, whose signatures are checked here, in another language than they are made in."""
import base64
import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import uuid

import pytest

from api_client import Api, PASSWORD, TIME, UUID, assert_problem, unique
from conftest import Stack
from programs import wait_for
from receiver import Receiver
from worker_stack import enqueue, state, wait_for_state, worker

EVENTS = ["task.created", "task.updated", "task.deleted", "user.created"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """One whose webhooks may lead to 127.0.0.1 and are given up on soon."""
    running = Stack(tmp_path_factory.mktemp("webhooks"))
    running.env |= {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32", "WEBHOOK_DISABLE_AFTER": "2s"}
    try:
        running.start()
        yield running
    finally:
        running.stop()


def make_owner(stack, tenant):
    person = Api(stack.url, tenant=tenant).sign_up()
    stack.sql(tenant, f"update users set role = 'owner' where email = '{person.email}'")
    answer = Api(stack.url, tenant=tenant).post("/api/auth/login", {"email": person.email, "password": PASSWORD})
    owner = person.asking(token=answer.json["access_token"])
    owner.user = person.user
    return owner


@pytest.fixture(scope="module")
def owner(stack):
    return make_owner(stack, "default")


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def hook(owner, receiver):
    """A webhook of its own for a test; gone with it."""
    made = create(owner, receiver.url + "/hook?x=1")
    yield made
    owner.delete(f"/api/webhooks/{made['id']}")


def create(owner, url, events=("task.created",), **more):
    answer = owner.post("/api/webhooks", {"url": url, "events": list(events), **more})
    assert answer.status == 201, answer
    return answer.json


def check(request, secret):
    """Holds a call against the Standard Webhooks specification; its body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = request.headers["webhook-timestamp"]
    assert abs(int(stamp) - time.time()) < 300
    signed = b".".join([request.headers["webhook-id"].encode(), stamp.encode(), request.body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert wanted in request.headers["webhook-signature"].split(" ")
    assert request.headers["Content-Type"] == "application/json" and UUID.match(request.headers["webhook-id"])
    body = json.loads(request.body)
    assert set(body) == {"type", "timestamp", "data"} and TIME.match(body["timestamp"])
    return body


def deliveries(owner, hook):
    return owner.get(f"/api/webhooks/{hook['id']}/deliveries").json["items"]


def newest(owner, hook, state):
    """The newest delivery, once it is in that state."""
    wait_for(lambda: [each["state"] for each in deliveries(owner, hook)[:1]] == [state], 60)
    return deliveries(owner, hook)[0]


def look(owner, hook):
    (found,) = [each for each in owner.get("/api/webhooks", limit=100).json["items"] if each["id"] == hook["id"]]
    return found


def test_the_secret_is_shown_once_and_kept_nowhere_else(stack, owner, receiver):
    # As much as can be reflected: beside a secret nothing is compressed (BREACH).
    answer = owner.post("/api/webhooks", {"url": receiver.url, "events": ["task.created", "task.created"],
                                          "description": "d" * 500}, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] is None
    made, secret = answer.json, answer.json["secret"]
    assert set(made) == {"id", "url", "events", "description", "enabled", "created_at", "secret"}
    assert made["events"] == ["task.created"] and made["enabled"] and made["description"] == "d" * 500
    assert answer.headers["Location"] == f"/api/webhooks/{made['id']}"
    assert secret.startswith("whsec_") and len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    listed = look(owner, made)
    assert set(listed) == {"id", "url", "events", "description", "enabled", "disabled_reason", "failing_since", "created_at"}
    owner.post(f"/api/webhooks/{made['id']}/test")
    check(receiver.wait_for(lambda: receiver.requests)[0], secret)
    kept = stack.sql("default", "select * from webhooks; select * from webhook_deliveries; select * from jobs")
    logs = "".join(service.log.read_text() for service in stack.services)
    assert secret.removeprefix("whsec_")[:20] not in kept + logs
    assert owner.delete(f"/api/webhooks/{made['id']}").status == 204
    assert owner.delete(f"/api/webhooks/{made['id']}").status == 404


@pytest.mark.parametrize("url", [
    "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data", "http://127.0.0.2/", "http://[::1]/",
    "http://0.0.0.0/", "http://2130706433/", "http://127.1/", "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/",
    "ftp://example.com/", "https://user:secret@example.com/", "https://example.com:25/", "https://example.com/#x", "example.com"])
def test_urls_that_are_not_public_are_refused(owner, url):
    answer = owner.post("/api/webhooks", {"url": url, "events": ["task.created"]})
    assert answer.status == 422 and [each["pointer"] for each in answer.json["errors"]] == ["/url"], answer


@pytest.mark.parametrize("wrong, pointer", [({"events": []}, "/events"), ({"events": ["task.eaten"]}, "/events/0"),
                                            ({"url": ""}, "/url"), ({"description": "x" * 501}, "/description"),
                                            ({"secret": "whsec_x"}, "/secret")])
def test_input_is_checked(owner, wrong, pointer):
    answer = owner.post("/api/webhooks", {"url": "https://example.com/", "events": ["task.created"]} | wrong)
    assert answer.status == 422 and [each["pointer"] for each in answer.json["errors"]] == [pointer], answer


def routes(hook, delivery):
    base = f"/api/webhooks/{hook}"
    return [("GET", f"{base}/deliveries"), ("GET", f"{base}/deliveries/{delivery}"), ("POST", f"{base}/test"),
            ("POST", f"{base}/enable"), ("POST", f"{base}/deliveries/{delivery}/redeliver"), ("DELETE", base)]


def test_only_owners_and_administrators(stack, owner, hook):
    owner.post(f"/api/webhooks/{hook['id']}/test")
    delivery = deliveries(owner, hook)[0]["id"]
    member, nobody = Api(stack.url).sign_up(), Api(stack.url)
    for method, path in [("GET", "/api/webhooks"), *routes(hook["id"], delivery)]:
        assert member.request(method, path).status == 403, path
        assert nobody.request(method, path).status == 401, path
    assert member.post("/api/webhooks", {"url": "https://example.com/", "events": EVENTS}).status == 403
    assert look(owner, hook)["enabled"]


def test_nothing_of_another_tenant(stack, owner, hook, receiver):
    other = make_owner(stack, "acme")
    owner.post(f"/api/webhooks/{hook['id']}/test")
    delivery = deliveries(owner, hook)[0]["id"]
    own = create(other, receiver.url + "/acme", ["task.created"])
    for method, path in routes(hook["id"], delivery) + routes(own["id"], delivery)[1:2]:
        assert other.request(method, path).status == 404, path
    assert [each["id"] for each in other.get("/api/webhooks").json["items"]] == [own["id"]]
    assert other.post("/api/tasks", {"title": "of acme"}).status == 201
    receiver.wait_for(lambda: [each for each in receiver.requests if each.path == "/acme"])
    newest(owner, hook, "succeeded")
    assert [json.loads(each.body)["type"] for each in receiver.requests if each.path != "/acme"] == ["webhook.test"]
    assert other.delete(f"/api/webhooks/{own['id']}").status == 204


def test_every_event_is_told_as_the_api_shows_it(stack, owner, receiver):
    made = create(owner, receiver.url, EVENTS)

    def told(event):
        found = receiver.wait_for(lambda: [each for each in receiver.requests if json.loads(each.body)["type"] == event])
        assert len(found) == 1
        return check(found[0], made["secret"])["data"]

    task = owner.post("/api/tasks", {"title": "Ü\"\\ \u0001", "priority": "high", "due_at": "2031-02-03T04:05:06.789Z"}).json
    of_user = {"user_id": owner.user["id"]}
    assert told("task.created") == task | of_user
    task = owner.patch(f"/api/tasks/{task['id']}", {"completed": True, "due_at": None}).json
    assert told("task.updated") == task | of_user
    assert owner.delete(f"/api/tasks/{task['id']}").status == 204
    assert told("task.deleted") == task | of_user
    person = Api(stack.url).sign_up()
    assert told("user.created") == person.user
    assert {each["state"] for each in deliveries(owner, made)} <= {"succeeded", "running"}
    assert owner.delete(f"/api/webhooks/{made['id']}").status == 204


def test_what_did_not_happen_is_not_told(owner, hook, receiver):
    assert owner.post("/api/tasks", {"title": ""}).status == 422
    task = owner.post("/api/tasks", {"title": "once"}, headers={"Idempotency-Key": unique("key")}).json
    assert owner.patch(f"/api/tasks/{task['id']}", {"title": "x"}, headers={"If-Match": '"99"'}).status == 412
    newest(owner, hook, "succeeded")
    assert len(deliveries(owner, hook)) == 1 and len(receiver.requests) == 1


def test_a_call_that_failed_is_made_again_with_the_same_id(owner, hook, receiver):
    answers = iter([(500, {}), (200, {})])
    receiver.answer = lambda: next(answers)
    owner.post("/api/tasks", {"title": "twice"})
    waiting = newest(owner, hook, "scheduled")
    assert waiting["status_code"] == 500 and waiting["error"] == "answered 500" and waiting["attempts"] == 1
    assert look(owner, hook)["failing_since"]
    done = newest(owner, hook, "succeeded")
    assert done["attempts"] == 2 and done["status_code"] == 200 and done["error"] is None and done["latency_ms"] >= 0
    assert waiting["response"] == done["response"] == "{}"  # what the receiver answered
    first, second = receiver.requests
    assert check(first, hook["secret"]) == check(second, hook["secret"])
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == done["message_id"] == done["id"]
    assert look(owner, hook)["failing_since"] is None


def test_a_receiver_may_ask_for_patience(owner, hook, receiver):
    receiver.answer = lambda: (503, {"Retry-After": "3600"})
    owner.post("/api/tasks", {"title": "later"})
    waiting = newest(owner, hook, "scheduled")
    due = datetime.datetime.fromisoformat(waiting["next_attempt_at"].replace("Z", "+00:00")).timestamp()
    assert 3300 < due - time.time() < 3700


def test_redirections_are_failures(owner, hook, receiver):
    receiver.answer = lambda: (302, {"Location": receiver.url + "/elsewhere"})
    assert owner.post(f"/api/webhooks/{hook['id']}/test").status == 202
    failed = newest(owner, hook, "failed")
    assert failed["status_code"] == 302 and "not followed" in failed["error"]
    assert [each.path for each in receiver.requests] == ["/hook?x=1"]


def test_the_test_button_calls_once_and_counts_for_nothing(owner, hook, receiver):
    receiver.answer = lambda: (500, {})
    answer = owner.post(f"/api/webhooks/{hook['id']}/test")
    assert answer.status == 202 and answer.json["event"] == "webhook.test", answer
    failed = newest(owner, hook, "failed")
    assert failed["attempts"] == 1 and answer.headers["Location"].endswith(f"/deliveries/{failed['id']}")
    assert owner.get(answer.headers["Location"]).json == failed
    found = look(owner, hook)
    assert found["enabled"] and found["failing_since"] is None


def test_a_receiver_that_is_gone_is_not_called_again(owner, hook, receiver):
    receiver.answer = lambda: (410, {})
    owner.post("/api/tasks", {"title": "gone"})
    failed = newest(owner, hook, "failed")
    assert failed["attempts"] == 1 and failed["status_code"] == 410
    found = look(owner, hook)
    assert not found["enabled"] and "410" in found["disabled_reason"]
    owner.post("/api/tasks", {"title": "nobody hears of it"})
    path = f"/api/webhooks/{hook['id']}/deliveries/{failed['id']}/redeliver"
    assert owner.post(path).status == 409
    receiver.answer = lambda: (200, {})
    enabled = owner.post(f"/api/webhooks/{hook['id']}/enable")
    assert enabled.status == 200 and enabled.json["enabled"] and enabled.json["disabled_reason"] is None
    assert owner.post(path).status == 202
    newest(owner, hook, "succeeded")
    assert len(deliveries(owner, hook)) == 2 and len(receiver.requests) == 2


def test_days_of_nothing_but_failures_disable(owner, hook, receiver):
    receiver.answer = lambda: (500, {})
    owner.post("/api/tasks", {"title": "never"})
    wait_for(lambda: not look(owner, hook)["enabled"], 60)  # by the second call, when "days" are over
    assert len(receiver.requests) == 2 and "too long" in look(owner, hook)["disabled_reason"]


def test_redelivery_sends_the_same_message(owner, hook, receiver):
    owner.post("/api/tasks", {"title": "again"})
    first = newest(owner, hook, "succeeded")
    for _ in range(2):
        answer = owner.post(f"/api/webhooks/{hook['id']}/deliveries/{deliveries(owner, hook)[0]['id']}/redeliver")
        assert answer.status == 202 and answer.json["id"] != first["id"], answer
        newest(owner, hook, "succeeded")
    assert {each["message_id"] for each in deliveries(owner, hook)} == {first["id"]}
    bodies = {(each.headers["webhook-id"], each.body) for each in receiver.requests}
    assert len(receiver.requests) == 3 and len(bodies) == 1
    check(receiver.requests[-1], hook["secret"])


def test_nobody_is_called_for_a_webhook_that_is_gone(stack, owner, receiver):
    made = create(owner, receiver.url)
    receiver.answer = lambda: (500, {})
    owner.post("/api/tasks", {"title": "dropped"})
    waiting = newest(owner, made, "scheduled")
    assert owner.delete(f"/api/webhooks/{made['id']}").status == 204
    assert owner.get(f"/api/webhooks/{made['id']}/deliveries").status == 404
    assert stack.sql("default", f"select state from jobs where id = '{waiting['id']}'").strip() == "4"
    assert stack.sql("default", f"select count(*) from webhook_deliveries where id = '{waiting['id']}'").strip() == "0"


def test_a_copy_of_a_tenant_calls_nobody(stack, receiver):
    """Its webhooks lead to the receivers of the original, who know nothing of the copy."""
    owner = make_owner(stack, "acme")
    made = create(owner, receiver.url)
    sealed = stack.sql("acme", f"select sealed_secret from webhooks where id = '{made['id']}'").strip()
    local = make_owner(stack, "default")
    mine = create(local, receiver.url)
    stack.sql("default", f"update webhooks set sealed_secret = '{sealed}' where id = '{mine['id']}'")
    local.post("/api/tasks", {"title": "x"})
    newest(local, mine, "failed")
    found = look(local, mine)
    assert not found["enabled"] and "does not belong" in found["disabled_reason"] and not receiver.requests
    for person, each in ((owner, made), (local, mine)):
        assert person.delete(f"/api/webhooks/{each['id']}").status == 204


def test_lists_go_on_where_they_ended(owner, hook):
    for _ in range(3):
        owner.post(f"/api/webhooks/{hook['id']}/test")
    path, seen, cursor = f"/api/webhooks/{hook['id']}/deliveries", [], {}
    while True:
        page = owner.get(path, limit=2, **cursor).json
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 3 and seen == sorted(seen, reverse=True)
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}):
        assert owner.get(path, **wrong).status == 422


def pushed(stack):
    """Jobs that the API has told Redis of itself."""
    page = Api(stack.ops_url).get("/metrics").body.decode()
    return int(re.search(r'^bulkhead_queue_outbox_total\{outcome="queued"\} (\d+)$', page, re.M)[1])


def noted(stack, tenant):
    """Deliveries and their jobs."""
    return stack.sql(tenant, "select (select count(*) from webhook_deliveries), "
                             "(select count(*) from jobs where kind = 'webhook.deliver')").strip()


def test_the_worker_is_told_by_the_request_itself(stack, owner, hook):
    """And not by the relay that looks for what was forgotten."""
    before = pushed(stack)
    owner.post("/api/tasks", {"title": "soon"})
    wait_for(lambda: pushed(stack) == before + 1, 60)
    newest(owner, hook, "succeeded")


def transactions(stack, tenant):
    """That the tenant's database has seen so far. Servers count with a delay, of 10 s at most when nothing happens."""
    database = stack.control(f"select database from tenants where slug = '{tenant}'")
    seen, since = None, 0

    def settled():
        nonlocal seen, since
        now = int(stack.control(f"select xact_commit from pg_stat_database where datname = '{database}'"))
        if seen is None or now - seen > 5:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 11

    wait_for(settled, 120)
    return seen


def test_where_nobody_listens_it_costs_nothing(stack, receiver):
    """One transaction of one statement for each task, as before there were webhooks, and nothing is noted."""
    slug = unique("quiet")
    stack.create_tenant(slug)
    person = make_owner(stack, slug)
    before, told = transactions(stack, slug), pushed(stack)
    for number in range(400):
        if number == 200:
            create(person, receiver.url, ["user.created"])
        assert person.post("/api/tasks", {"title": f"task {number}"}).status == 201
    made = transactions(stack, slug) - before
    assert 401 <= made < 450, made
    assert noted(stack, slug) == "0|0" and pushed(stack) == told and not receiver.requests


def test_a_clone_has_no_webhooks(stack, receiver):
    slug, copy = unique("source"), unique("copy")
    stack.create_tenant(slug)
    person = make_owner(stack, slug)
    made = create(person, receiver.url)
    assert person.post("/api/tasks", {"title": "of the source"}).status == 201
    newest(person, made, "succeeded")
    stack.migrate("tenant", "clone", slug, copy)
    assert noted(stack, copy) == "0|0" and stack.sql(copy, "select count(*) from webhooks").strip() == "0"
    assert make_owner(stack, copy).post("/api/tasks", {"title": "of the copy"}).status == 201
    assert noted(stack, copy) == "0|0" and len(receiver.requests) == 1


def test_old_deliveries_are_forgotten(stack, owner, hook, receiver):
    for _ in range(3):
        owner.post(f"/api/webhooks/{hook['id']}/test")
    newest(owner, hook, "succeeded")
    wait_for(lambda: {each["state"] for each in deliveries(owner, hook)} == {"succeeded"}, 60)
    receiver.answer = lambda: (500, {"Retry-After": "3600"})
    owner.post("/api/tasks", {"title": "still to be told"})
    waiting = newest(owner, hook, "scheduled")
    kept, old = deliveries(owner, hook)[1], deliveries(owner, hook)[2:]
    for each in [waiting, *old]:
        stack.sql("default", f"update webhook_deliveries set created_at = now() - interval '31 days' where id = '{each['id']}'")
    job = enqueue(stack, "webhook.retention", "default")
    wait_for_state(stack, job, "succeeded", "default")
    assert [each["id"] for each in deliveries(owner, hook)] == [waiting["id"], kept["id"]]
    assert state(stack, waiting["id"], "default") == "waiting"


def test_a_tenant_that_is_not_migrated_yet_works_without_webhooks(stack):
    slug = unique("old")
    stack.create_tenant(slug)
    person = make_owner(stack, slug)
    version = stack.control(f"select schema_version from tenants where slug = '{slug}'")
    stack.control(f"update tenants set schema_version = 6 where slug = '{slug}'")
    wait_for(lambda: person.get("/api/webhooks").status == 503, 60)
    assert [person.get(path).status for path in ("/api/jobs", f"/api/exports/{uuid.uuid4()}")] == [200, 404]
    stack.sql(slug, "alter table webhooks rename to later; alter table webhook_deliveries rename to later_deliveries")
    task = person.post("/api/tasks", {"title": "x"})
    assert task.status == 201, task
    assert person.patch(f"/api/tasks/{task.json['id']}", {"title": "y"}).status == 200
    assert person.delete(f"/api/tasks/{task.json['id']}").status == 204
    assert Api(stack.url, tenant=slug).sign_up().user
    job = enqueue(stack, "webhook.retention", slug)
    wait_for_state(stack, job, "succeeded", slug)
    stack.sql(slug, "alter table later rename to webhooks; alter table later_deliveries rename to webhook_deliveries")
    stack.control(f"update tenants set schema_version = 3 where slug = '{slug}'")
    wait_for(lambda: person.get("/api/jobs").status == 503, 60)
    for path in ("/api/webhooks", f"/api/jobs/{uuid.uuid4()}", f"/api/exports/{uuid.uuid4()}"):
        assert_problem(person.get(path), 503, "unavailable")
    assert person.get("/api/tasks").status == 200
    stack.control(f"update tenants set schema_version = {version} where slug = '{slug}'")
    wait_for(lambda: person.get("/api/webhooks").status == 200, 60)
    made = create(person, "https://example.com/", EVENTS)
    assert look(person, made)["enabled"]


@pytest.fixture
def alone(tmp_path):
    """A stack whose worker has been stopped."""
    running = Stack(tmp_path)
    running.env |= {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32", "SHUTDOWN_TIMEOUT": "10s"}
    try:
        running.start()
        assert running.services.pop(1).stop() == ""
        yield running
    finally:
        running.stop()


def test_a_worker_that_ends_in_a_call_leaves_it_to_the_next(alone, receiver):
    """Once it stops and does not wait for a slow receiver, once it is killed between the answer and its note."""
    person, released = make_owner(alone, "default"), threading.Event()
    made = create(person, receiver.url)

    def finish(calls):
        with worker(alone):
            done = newest(person, made, "succeeded")
        mine = [each for each in receiver.requests if each.headers["webhook-id"] == done["message_id"]]
        assert len(mine) == calls and done["attempts"] == 1 and len({each.body for each in mine}) == 1
        assert look(person, made)["failing_since"] is None

    receiver.answer = lambda: (released.wait(120), (200, {}))[1]
    try:
        with worker(alone) as first:
            person.post("/api/tasks", {"title": "slow"})
            receiver.wait_for(lambda: receiver.requests)
            begun = time.monotonic()
            first.process.terminate()
            assert first.wait() == 0 and time.monotonic() - begun < 15
    finally:
        released.set()
    finish(2)
    with worker(alone, BULKHEAD_FAIL_POINT="webhook.after-call") as second:
        person.post("/api/tasks", {"title": "killed"})
        wait_for(lambda: second.process.poll() is not None, 60)
    finish(2)
