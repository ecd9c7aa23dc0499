# SPDX-License-Identifier: Apache-2.0
"""Writes with an Idempotency-Key: done once, answered alike, whoever dies on the way."""
import concurrent.futures
import contextlib
import json
import signal
import threading
import uuid

import pytest

from api_client import PASSWORD, Api, assert_problem, unique
from conftest import BIN, PATIENCE, ReservedPort
from programs import Program

FOREVER = "2099-01-01T00:00:00.000Z"


def keyed(key, **more):
    return {"Idempotency-Key": key, **more}


def fresh():
    return str(uuid.uuid4())


def titles(person):
    return [task["title"] for task in person.get("/api/tasks", limit=100).json["items"]]


def assert_same(first, again):
    """`again` is the answer `first`, replayed."""
    assert (again.status, again.body) == (first.status, first.body), again
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name], again
    assert "Idempotency-Replayed" not in first.headers, first
    assert again.headers["Idempotency-Replayed"] == "true", again
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"], again


@pytest.fixture
def own(stack, api):
    """A user of a tenant of its own."""
    slug = unique("once")
    stack.create_tenant(slug)
    person = api.asking(tenant=slug).sign_up()
    person.slug = slug
    return person


def test_every_write_gets_its_answer_again(person):
    key = keyed(fresh())
    made = person.post("/api/tasks", {"title": "once"}, headers=key)
    assert made.status == 201
    assert_same(made, person.post("/api/tasks", {"title": "once"}, headers=key))
    assert titles(person) == ["once"]
    path = made.headers["Location"]
    for change in (lambda key: person.put(path, {"title": "replaced"}, headers=key),
                   lambda key: person.patch(path, {"completed": True}, headers=key),
                   lambda key: person.delete(path, headers=key)):
        key = keyed(fresh())
        first = change(key)
        assert first.status in (200, 204), first
        version = None if first.status == 204 else person.get(path).json["version"]
        assert_same(first, change(key))
        if version:
            assert person.get(path).json["version"] == version
    assert titles(person) == []


def test_what_a_handler_looks_at_first_does_not_keep_the_answer_away(person):
    """With a list in If-Match the task is read before it is written, and by then it has changed."""
    path = person.post("/api/tasks", {"title": "guarded"}).headers["Location"]
    headers = {"If-Match": '"1", "7"'}
    key = keyed(fresh(), **headers)
    first = person.put(path, {"title": "new"}, headers=key)
    assert first.status == 200
    assert_same(first, person.put(path, {"title": "new"}, headers=key))
    assert person.put(path, {"title": "new"}, headers=headers).status == 412
    key = keyed(fresh(), **{"If-Match": '"2", "7"'})
    gone = person.delete(path, headers=key)
    assert gone.status == 204
    assert_same(gone, person.delete(path, headers=key))


def test_a_key_names_one_request_of_one_user_to_one_route(api, person):
    key = keyed(fresh())
    first = person.post("/api/tasks", {"title": "mine"}, headers=key)
    assert first.status == 201
    for other in (lambda: person.post("/api/tasks", {"title": "another"}, headers=key),
                  lambda: person.post("/api/tasks", body='{"title" :"mine"}', headers=key),
                  lambda: person.post("/api/tasks?x=1", {"title": "mine"}, headers=key)):
        assert_problem(other(), 422, "idempotency-key-reused")
    path = first.headers["Location"]
    changed = person.patch(path, {"title": "mine"}, headers=key)  # another route
    assert changed.status == 200 and "Idempotency-Replayed" not in changed.headers
    second = person.post("/api/tasks", {"title": "second"}).headers["Location"]
    assert_problem(person.patch(second, {"title": "mine"}, headers=key), 422, "idempotency-key-reused")
    other = api.sign_up()
    assert other.post("/api/tasks", {"title": "mine"}, headers=key).json["id"] != first.json["id"]
    elsewhere = api.asking(tenant="acme").sign_up()
    assert elsewhere.post("/api/tasks", {"title": "mine"}, headers=key).json["id"] != first.json["id"]
    assert sorted(titles(person)) == ["mine", "second"]


def test_keys_as_clients_write_them(person):
    name = fresh()
    first = person.post("/api/tasks", {"title": "x"}, headers=keyed(f'"{name}"'))
    assert_same(first, person.post("/api/tasks", {"title": "x"}, headers=keyed(name)))
    assert person.post("/api/tasks", {"title": "x"}, headers=keyed("k" * 255)).status == 201
    for bad in ("", '""', "k" * 256, "a b", '"open', '"a"; b=1', "gr\u00fcn".encode("latin-1")):
        assert_problem(person.post("/api/tasks", {"title": "bad"}, headers=keyed(bad)), 400, "malformed-request")
    assert person.get("/api/tasks", headers=keyed("a b")).status == 200  # says nothing on a read
    assert titles(person) == ["x", "x"]


def test_what_was_refused_may_be_asked_again(stack, api, person):
    key = keyed(fresh())
    assert_problem(person.post("/api/tasks", {"title": ""}, headers=key), 422, "validation-failed")
    assert_problem(api.post("/api/tasks", {"title": "x"}, headers=key), 401, "unauthenticated")
    assert person.post("/api/tasks", {"title": "x"}, headers=key).status == 201
    key = keyed(fresh())
    path = person.post("/api/tasks", {"title": "x"}).headers["Location"]
    assert person.patch(path, {"title": "y"}, headers=key | {"If-Match": '"5"'}).status == 412
    assert person.patch(path, {"title": "y"}, headers=key | {"If-Match": '"1"'}).status == 200
    assert person.delete(f"/api/tasks/{uuid.uuid4()}", headers=keyed(fresh())).status == 404
    # A statement that fails undoes nothing but itself, here or elsewhere.
    signup = {"email": person.email, "password": PASSWORD, "name": "Twin"}
    assert_problem(api.post("/api/auth/signup", signup, headers=keyed("twin")), 409, "email-taken")
    assert_problem(api.post("/api/auth/signup", signup, headers=keyed("twin")), 409, "email-taken")
    stack.sql("default", f"update users set role = 'viewer' where email = '{person.email}'")
    token = api.post("/api/auth/login", {"email": person.email, "password": PASSWORD}).json["access_token"]
    refused = api.asking(token=token).post("/api/tasks", {"title": "x"}, headers=keyed("viewer"))
    assert_problem(refused, 403, "forbidden")
    assert int(stack.sql("default", "select count(*) from idempotency_keys where key in ('twin', 'viewer')")) == 0


def test_accounts(stack, api):
    key, email = keyed(fresh()), f"{unique('retry')}@example.com"
    form = {"email": email, "password": PASSWORD, "name": "Retry"}
    first = api.post("/api/auth/signup", form, headers=key)
    assert first.status == 201
    assert_same(first, api.post("/api/auth/signup", form, headers=key))
    assert api.asking(token=first.json["access_token"]).get("/api/auth/me").json["email"] == email
    login = {"email": email, "password": PASSWORD}
    entered = api.post("/api/auth/login", login, headers=key)
    assert entered.status == 200
    assert_same(entered, api.post("/api/auth/login", login, headers=key))
    by_cookie = login | {"transport": "cookie"}
    headers = keyed(fresh(), **{"Sec-Fetch-Site": "same-origin"})
    first = api.post("/api/auth/login", by_cookie, headers=headers)
    again = api.post("/api/auth/login", by_cookie, headers=headers)
    assert_same(first, again)
    assert first.headers.get_all("Set-Cookie") and "access_token" not in first.json
    assert again.headers.get_all("Set-Cookie") == first.headers.get_all("Set-Cookie")
    # What is kept shows neither token nor password, nor a hash that gives one away.
    kept = stack.sql("default", f"select answer from idempotency_keys where key = '{key['Idempotency-Key']}'").split()
    assert len(kept) == 2 and all(line.startswith("g1:") for line in kept)


def test_fifty_at_once(own):
    """One of them does the work; the others are told to wait, or the same."""
    for _ in range(3):
        key, title = keyed(fresh()), unique("at once")
        together = threading.Barrier(50)

        def ask(_):
            together.wait()
            return own.post("/api/tasks", {"title": title}, headers=key)

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, range(50)))
        done = [answer for answer in answers if answer.status == 201]
        assert done and len({answer.body for answer in done}) == 1
        assert len([answer for answer in done if "Idempotency-Replayed" not in answer.headers]) == 1
        for answer in answers:
            if answer.status != 201:  # a machine that is very busy refuses some of fifty before anybody looks at their key
                assert_problem(answer, *((503, "unavailable") if answer.status == 503 else (409, "idempotency-in-progress")))
                assert int(answer.headers["Retry-After"]) >= 1
        assert titles(own).count(title) == 1
        assert own.post("/api/tasks", {"title": title}, headers=key).body == done[0].body


@contextlib.contextmanager
def at_each_record(stack, slug, body):
    """Runs PL/pgSQL in the transaction, when the answer is about to be kept."""
    stack.sql(slug, f"create function held() returns trigger language plpgsql as $$ begin {body}; return new; end $$; "
                    "create trigger held before insert on idempotency_keys for each row execute function held()")
    try:
        yield
    finally:
        stack.sql(slug, "drop function held() cascade")


def wait_until_some(stack, slug, where):
    """A session in the tenant's database of which this holds."""
    count = f"select count(*) from pg_stat_activity where datname = current_database() and {where}"
    for _ in range(PATIENCE * 20):
        if int(stack.sql(slug, count)) > 0:
            return
        threading.Event().wait(0.05)
    raise AssertionError("nobody came")


def wait_until_held(stack, slug):
    wait_until_some(stack, slug, "wait_event = 'PgSleep'")


def test_while_it_is_under_way_others_are_told(stack, own):
    key = keyed(fresh())
    with at_each_record(stack, own.slug, "perform pg_sleep(3)"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(own.post, "/api/tasks", {"title": "slow"}, headers=key)
        wait_until_held(stack, own.slug)
        told = own.post("/api/tasks", {"title": "slow"}, headers=key)
        assert_problem(told, 409, "idempotency-in-progress")
        assert int(told.headers["Retry-After"]) >= 1
        assert titles(own) == []  # the work and its record come together
        first = first.result()
    assert first.status == 201
    assert_same(first, own.post("/api/tasks", {"title": "slow"}, headers=key))
    assert titles(own) == ["slow"]


def test_a_twin_that_ends_between_two_looks(stack, own):
    """It is not there when the request looks for it; when the handler reads, it has changed the task."""
    path = own.post("/api/tasks", {"title": "guarded"}).headers["Location"]
    key = keyed(fresh(), **{"If-Match": '"1", "7"'})
    first = own.put(path, {"title": "new"}, headers=key)
    assert first.status == 200
    stack.sql(own.slug, "update idempotency_keys set expires_at = now()")
    hold = ("do $$ begin lock table tasks; for i in 1..600 loop exit when exists (select from idempotency_keys "
            "where expires_at > clock_timestamp()); perform pg_sleep(0.1); end loop; end $$")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        holding = pool.submit(stack.sql, own.slug, hold)
        wait_until_held(stack, own.slug)
        again = pool.submit(own.put, path, {"title": "new"}, headers=key)
        wait_until_some(stack, own.slug, "wait_event_type = 'Lock'")
        stack.sql(own.slug, "update idempotency_keys set expires_at = now() + interval '1 day'")
        holding.result()
        assert_same(first, again.result())
    assert own.get(path).json["version"] == 2


def test_a_connection_that_is_lost_at_the_end(stack, own):
    """Nobody knows whether it was done; asking again finds out."""
    key = keyed(fresh())
    with at_each_record(stack, own.slug, "perform pg_sleep(60)"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(own.post, "/api/tasks", {"title": "lost"}, headers=key)
        wait_until_held(stack, own.slug)
        stack.sql(own.slug, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                            "and wait_event = 'PgSleep'")
        assert_problem(first.result(), 503, "unavailable")
    again = own.post("/api/tasks", {"title": "lost"}, headers=key)
    assert again.status == 201 and "Idempotency-Replayed" not in again.headers
    assert titles(own) == ["lost"]


def test_what_the_database_undid_is_done_again(stack, own):
    stack.sql(own.slug, "create sequence tries; grant all on tries to public")
    undo = "if nextval('tries') = 1 then raise exception 'x' using errcode = '40P01'; end if"
    with at_each_record(stack, own.slug, undo):
        answer = own.post("/api/tasks", {"title": "deadlock"}, headers=keyed(fresh()))
        assert answer.status == 201, answer
    assert int(stack.sql(own.slug, "select last_value from tries")) == 2
    assert titles(own) == ["deadlock"]


def test_an_answer_that_has_expired_is_none(stack, own):
    key = keyed(fresh())
    first = own.post("/api/tasks", {"title": "old"}, headers=key)
    lifetime = "select round(extract(epoch from expires_at - created_at)) from idempotency_keys"
    assert int(stack.sql(own.slug, lifetime)) == 24 * 3600
    stack.sql(own.slug, "update idempotency_keys set expires_at = now()")
    second = own.post("/api/tasks", {"title": "old"}, headers=key)
    assert second.status == 201 and second.json["id"] != first.json["id"]
    assert_same(second, own.post("/api/tasks", {"title": "old"}, headers=key))
    assert titles(own) == ["old", "old"]


def test_redis_plays_no_part(stack, own):
    key = keyed(fresh())
    stack.stop_redis()
    try:
        first = own.post("/api/tasks", {"title": "without"}, headers=key)
        assert first.status == 201
        assert_same(first, own.post("/api/tasks", {"title": "without"}, headers=key))
    finally:
        stack.start_redis()
    assert_same(first, own.post("/api/tasks", {"title": "without"}, headers=key))


def test_a_full_tenant_answers_for_what_was_done(stack, own):
    key = keyed(fresh())
    first = own.post("/api/tasks", {"title": "last"}, headers=key)
    stack.control(f"update tenants set limits = '{json.dumps({'storage_bytes': 1})}', storage_bytes = 10, "
                  f"measured_at = '{FOREVER}' where slug = '{own.slug}'")
    for _ in range(PATIENCE * 10):  # until every reactor has heard of it
        if all(own.post("/api/tasks", {"title": "more"}).status == 403 for _ in range(8)):
            break
    assert_problem(own.post("/api/tasks", {"title": "more"}, headers=keyed(fresh())), 403, "quota-exceeded")
    assert_same(first, own.post("/api/tasks", {"title": "last"}, headers=key))
    assert own.delete(first.headers["Location"], headers=keyed(fresh())).status == 204


def test_a_copy_knows_nothing_of_it(stack, own):
    key, copy = keyed(fresh()), unique("twin")
    own.post("/api/tasks", {"title": "x"}, headers=key)
    stack.migrate("tenant", "clone", own.slug, copy)
    assert int(stack.sql(copy, "select count(*) from idempotency_keys")) == 0
    assert int(stack.sql(own.slug, "select count(*) from idempotency_keys")) == 1


@contextlib.contextmanager
def another_api(stack, **settings):
    """An API that may die."""
    port, ops_port = ReservedPort(), ReservedPort()
    url = f"http://127.0.0.1:{port.number}"
    environment = stack.env | {"PORT": str(port.number), "OPS_PORT": str(ops_port.number)} | settings
    with Program(BIN / "bulkhead-api", environment=environment) as program:
        program.wait_until_ready(url, PATIENCE)
        yield url, program
        if program.process.poll() is None:
            program.stop()


def test_another_process_knows_it_too(stack, own):
    key = keyed(fresh())
    with another_api(stack) as (url, _):
        first = Api(url, token=own.token).post("/api/tasks", {"title": "there"}, headers=key)
        assert first.status == 201
    assert_same(first, own.post("/api/tasks", {"title": "there"}, headers=key))
    with another_api(stack) as (url, _):
        assert_same(first, Api(url, token=own.token).post("/api/tasks", {"title": "there"}, headers=key))


@pytest.mark.parametrize("place, done", [("before-commit", False), ("after-commit", True)])
def test_kill_9_leaves_all_or_nothing(stack, own, place, done):
    key = keyed(fresh())
    with another_api(stack, BULKHEAD_FAIL_POINT=f"idempotency.{place}") as (url, program):
        with pytest.raises(OSError):
            Api(url, token=own.token).post("/api/tasks", {"title": "killed"}, headers=key)
        assert program.wait(PATIENCE) == -signal.SIGKILL
    assert titles(own) == (["killed"] if done else [])
    # The lock of the dead goes with its session, which the server takes a moment to miss.
    for _ in range(PATIENCE * 10):
        again = own.post("/api/tasks", {"title": "killed"}, headers=key)
        if again.status != 409:
            break
    assert again.status == 201
    assert ("Idempotency-Replayed" in again.headers) == done
    assert titles(own) == ["killed"]
    assert again.json["title"] == "killed"
