# SPDX-License-Identifier: Apache-2.0
"""Tasks, from creation to deletion: shapes, versions, filters and orders. Paging is in test_paging.py."""
import pytest

from api_client import TIME, UUID, assert_problem, pointers


def make(person, **members):
    answer = person.post("/api/tasks", {"title": "a task"} | members)
    assert answer.status == 201, answer
    return answer.json


def test_create_gives_location_and_etag(person):
    answer = person.post("/api/tasks", {"title": "Write tests"})
    assert answer.status == 201, answer
    task = answer.json
    assert UUID.match(task["id"]) and TIME.match(task["created_at"]) and task["updated_at"] == task["created_at"]
    assert set(task) == {"id", "title", "description", "completed", "priority", "due_at", "version", "created_at",
                         "updated_at"}
    assert (task["title"], task["description"], task["completed"], task["priority"], task["due_at"]) == \
        ("Write tests", "", False, "medium", None)
    assert answer.headers["Location"] == f"/api/tasks/{task['id']}"
    assert answer.headers["ETag"].startswith('"') and answer.headers["ETag"].endswith('"')
    read = person.get(answer.headers["Location"])
    assert (read.status, read.json, read.headers["ETag"]) == (200, task, answer.headers["ETag"])


@pytest.mark.parametrize("members", [
    {"title": "x"}, {"title": "\u00fc" * 200}, {"title": "\U0001f6a2" * 200}, {"title": "a\nb\tc"},
    {"title": "'; drop table tasks; --"}, {"title": "<b>%s\\{}</b>"}, {"title": "t", "description": "d" * 10_000},
    {"title": "t", "completed": True}, {"title": "t", "priority": "low"}, {"title": "t", "priority": "high"},
    {"title": "t", "due_at": "2031-02-28T23:59:59.999Z"}, {"title": "t", "due_at": None}])
def test_what_is_stored_comes_back(person, members):
    task = make(person, **members)
    assert members.items() <= task.items()
    assert members.items() <= person.get(f"/api/tasks/{task['id']}").json.items()


def test_times_come_back_in_utc(person):
    assert make(person, due_at="2031-01-01T01:30:00+02:00")["due_at"] == "2030-12-31T23:30:00.000Z"


def test_put_replaces_everything(person):
    task = make(person, description="old", priority="high", due_at="2031-01-01T00:00:00Z", completed=True)
    answer = person.put(f"/api/tasks/{task['id']}", {"title": "new"})
    assert answer.status == 200, answer
    now = answer.json
    assert (now["title"], now["description"], now["completed"], now["priority"], now["due_at"]) == \
        ("new", "", False, "medium", None)
    assert now["version"] > task["version"] and now["updated_at"] >= task["updated_at"]
    assert (now["id"], now["created_at"]) == (task["id"], task["created_at"])
    assert pointers(person.put(f"/api/tasks/{task['id']}", {"description": "no title"})) == ["/title"]


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json"])
def test_patch_changes_what_it_names(person, media_type):
    task = make(person, description="keep", priority="high", due_at="2031-01-01T00:00:00.000Z")
    answer = person.patch(f"/api/tasks/{task['id']}", {"completed": True}, headers={"Content-Type": media_type})
    assert answer.status == 200, answer
    assert answer.json == task | {"completed": True, "version": answer.json["version"],
                                  "updated_at": answer.json["updated_at"]}
    assert answer.headers["ETag"] == person.get(f"/api/tasks/{task['id']}").headers["ETag"]


def test_null_in_a_patch_takes_away(person):
    task = make(person, description="gone", priority="high", due_at="2031-01-01T00:00:00Z")
    patched = person.patch(f"/api/tasks/{task['id']}", {"due_at": None, "description": None, "priority": None}).json
    assert (patched["due_at"], patched["description"], patched["priority"]) == (None, "", "medium")
    assert pointers(person.patch(f"/api/tasks/{task['id']}", {"title": None})) == ["/title"]


def test_an_empty_patch_changes_nothing_that_counts(person):
    task = make(person)
    patched = person.patch(f"/api/tasks/{task['id']}", {}).json
    ignored = ("version", "updated_at")
    assert {k: v for k, v in patched.items() if k not in ignored} == {k: v for k, v in task.items() if k not in ignored}


def test_delete(person):
    path = f"/api/tasks/{make(person)['id']}"
    assert person.delete(path).status == 204
    for answer in (person.get(path), person.delete(path), person.patch(path, {}), person.put(path, {"title": "x"})):
        assert_problem(answer, 404, "not-found")


def test_if_match_guards_every_change(person):
    created = person.post("/api/tasks", {"title": "guarded"})
    path, first = created.headers["Location"], created.headers["ETag"]
    second = person.patch(path, {"title": "changed"}, headers={"If-Match": first})
    assert second.status == 200
    for stale in (first, '"none"', f"W/{second.headers['ETag']}"):
        for answer in (person.patch(path, {"title": "lost"}, headers={"If-Match": stale}),
                       person.put(path, {"title": "lost"}, headers={"If-Match": stale}),
                       person.delete(path, headers={"If-Match": stale})):
            assert_problem(answer, 412, "precondition-failed")
    assert person.get(path).json["title"] == "changed"
    several = f'"none", {second.headers["ETag"]}'
    assert person.put(path, {"title": "put"}, headers={"If-Match": several}).status == 200
    assert person.delete(path, headers={"If-Match": "*"}).status == 204


def test_if_none_match_saves_the_body(person):
    created = person.post("/api/tasks", {"title": "known"})
    path, tag = created.headers["Location"], created.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = person.get(path, headers={"If-None-Match": known})
        assert (answer.status, answer.headers["ETag"]) == (304, tag)
    assert person.get(path, headers={"If-None-Match": '"other"'}).status == 200


def test_a_task_of_somebody_else_does_not_exist(api, person):
    path = f"/api/tasks/{make(person, title='private')['id']}"
    other = api.sign_up()
    nowhere = "/api/tasks/0197c5a0-0000-7000-8000-000000000000"
    for ask in (lambda p: other.get(p), lambda p: other.put(p, {"title": "mine"}),
                lambda p: other.patch(p, {"title": "mine"}), lambda p: other.delete(p),
                lambda p: other.delete(p, headers={"If-Match": "*"})):
        foreign, unknown = ask(path), ask(nowhere)
        assert_problem(foreign, 404, "not-found")
        assert foreign.json["detail"] == unknown.json["detail"]
    assert other.get("/api/tasks").json["items"] == []
    assert person.get(path).json["title"] == "private"


@pytest.mark.parametrize("identity", ["x", "0", "0197c5a0-0000-7000-8000-00000000000", "%00", "..%2f", "null",
                                      "0197c5a0-0000-7000-8000-0000000000000", "'", "%F0%9F%9A%A2"])
def test_what_is_no_id_does_not_exist(person, identity):
    answer = person.get(f"/api/tasks/{identity}")
    assert answer.status in (400, 404), answer


@pytest.fixture(scope="module")
def shelf(api):
    """A person with tasks for the filters and orders; nobody changes them."""
    reader = api.sign_up()
    rows = [("delta", "low", None, False), ("alpha", "high", "2031-01-03T00:00:00Z", True),
            ("charlie", "medium", "2031-01-01T00:00:00Z", False), ("bravo", "high", "2031-01-02T00:00:00Z", False),
            ("alpha", "low", None, True), ("100% of_it", "medium", "2031-01-01T00:00:00Z", True)]
    reader.tasks = [make(reader, title=title, priority=priority, due_at=due_at, completed=completed)
                    for title, priority, due_at, completed in rows]
    return reader


def titles(answer):
    assert answer.status == 200, answer
    assert set(answer.json) == {"items", "next_cursor"}
    return [task["title"] for task in answer.json["items"]]


def test_newest_first(shelf):
    answer = shelf.get("/api/tasks")
    assert answer.json["items"] == list(reversed(shelf.tasks))
    assert answer.json["next_cursor"] is None


@pytest.mark.parametrize("query, kept", [
    ({"completed": "true"}, lambda t: t["completed"]),
    ({"completed": "false"}, lambda t: not t["completed"]),
    ({"priority": "high"}, lambda t: t["priority"] == "high"),
    ({"due_before": "2031-01-02T00:00:00Z"}, lambda t: (t["due_at"] or "9") < "2031-01-02T00:00:00"),
    ({"due_before": "2031-01-02T00:00:00.001Z"}, lambda t: (t["due_at"] or "9") < "2031-01-02T00:00:00.001"),
    ({"q": "alp"}, lambda t: "alp" in t["title"]), ({"q": "ALPHA"}, lambda t: t["title"] == "alpha"),
    ({"q": "%"}, lambda t: "%" in t["title"]), ({"q": "_"}, lambda t: "_" in t["title"]),
    ({"q": "\\"}, lambda t: False), ({"q": "'"}, lambda t: False),
    ({"completed": "true", "priority": "low", "q": "a"}, lambda t: t["completed"] and t["priority"] == "low"),
])
def test_filters(shelf, query, kept):
    expected = [task["title"] for task in reversed(shelf.tasks) if kept(task)]
    assert titles(shelf.get("/api/tasks", **query)) == expected


RANK = {"low": 0, "medium": 1, "high": 2}
ORDERS = {"created_at": lambda t: t["created_at"], "priority": lambda t: RANK[t["priority"]],
          "title": lambda t: t["title"], "due_at": lambda t: (t["due_at"] is None, t["due_at"] or "")}


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "due_at", "-due_at", "priority", "-priority", "title"])
def test_sorts(shelf, sort):
    items = shelf.get("/api/tasks", sort=sort).json["items"]
    assert sorted(t["id"] for t in items) == sorted(t["id"] for t in shelf.tasks)
    values = [ORDERS[sort.lstrip("-")](task) for task in items if sort.lstrip("-") != "due_at" or task["due_at"]]
    assert values == sorted(values, reverse=sort.startswith("-"))


@pytest.mark.parametrize("name, value", [
    ("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "1.5"), ("limit", "x"), ("limit", ""),
    ("limit", "99999999999999999999"), ("limit", "1e1"), ("limit", "+1"), ("limit", " 1"),
    ("sort", "id"), ("sort", "-title"), ("sort", ""), ("sort", "title;drop"), ("completed", "yes"), ("completed", ""),
    ("priority", "urgent"), ("priority", "0"), ("due_before", "tomorrow"), ("due_before", "2031-02-29T00:00:00Z"),
    ("due_before", "2031-01-01"), ("q", ""), ("q", "x" * 201), ("cursor", ""), ("cursor", "x"), ("page", "2")])
def test_a_wrong_query_names_its_parameter(shelf, name, value):
    assert pointers(shelf.get("/api/tasks", **{name: value})) == [f"/query/{name}"]


def test_all_wrong_parameters_are_named_and_repeating_one_is_wrong(shelf):
    assert set(pointers(shelf.get("/api/tasks", limit="0", sort="x", page="1"))) == \
        {"/query/limit", "/query/sort", "/query/page"}
    assert pointers(shelf.request("GET", "/api/tasks?limit=1&limit=2")) == ["/query/limit"]


@pytest.mark.parametrize("query", ["q=%", "q=%zz", "q=%00", "q=%ff", "q=a%c0%80", "%ff=1"])
def test_a_query_that_cannot_be_read(shelf, query):
    answer = shelf.request("GET", f"/api/tasks?{query}")
    assert_problem(answer, 400, "malformed-request")
