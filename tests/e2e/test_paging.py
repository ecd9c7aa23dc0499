# SPDX-License-Identifier: Apache-2.0
"""Walking through a list page by page: whatever happens meanwhile, each task that was there from the beginning to the
end is seen exactly once."""
import base64
import hashlib
import itertools
import threading
import uuid

import pytest

from api_client import assert_problem, pointers

SORTS = ["created_at", "-created_at", "due_at", "-due_at", "priority", "-priority", "title"]


def walk(person, **query):
    """All pages, as lists of tasks."""
    cursor, pages = None, []
    while True:
        answer = person.get("/api/tasks", **query, **({"cursor": cursor} if cursor else {}))
        assert answer.status == 200, answer
        pages.append(answer.json["items"])
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return pages
        assert len(pages) < 1000, "the walk has no end"


def fill(person, count):
    """Tasks full of equal keys, so that an order needs its tie-break."""
    made = []
    for number in range(count):
        body = {"title": f"t{number % 4}", "priority": ("low", "medium", "high")[number % 3],
                "due_at": None if number % 5 == 0 else f"2031-01-{1 + number % 3:02}T00:00:00Z"}
        answer = person.post("/api/tasks", body)
        assert answer.status == 201, answer
        made.append(answer.json["id"])
    return made


@pytest.fixture(scope="module")
def reader(api):
    person = api.sign_up()
    person.made = fill(person, 47)
    return person


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 7, 46, 47, 48, 100])
def test_pages_make_up_the_list(reader, sort, limit):
    whole = [task["id"] for task in reader.get("/api/tasks", sort=sort, limit=100).json["items"]]
    pages = walk(reader, sort=sort, limit=limit)
    assert [task["id"] for page in pages for task in page] == whole
    assert sorted(whole) == sorted(reader.made)
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


@pytest.mark.parametrize("query", [{"completed": "false"}, {"priority": "high"}, {"q": "t1"},
                                   {"due_before": "2031-01-02T00:00:00Z", "sort": "due_at"}])
def test_filters_hold_on_every_page(reader, query):
    whole = reader.get("/api/tasks", limit=100, **query).json["items"]
    assert 5 < len(whole)
    assert [task for page in walk(reader, limit=3, **query) for task in page] == whole


class Meddler(threading.Thread):
    """Inserts at both ends of every order, and deletes and changes what it made itself, until told to stop."""

    def __init__(self, person):
        super().__init__()
        self.person, self.enough, self.rounds, self.failure = person, threading.Event(), 0, None

    def run(self):
        try:
            for number in itertools.count():
                if self.enough.is_set():
                    return
                ends = ({"title": "!", "priority": "low", "due_at": "2030-01-01T00:00:00Z"},
                        {"title": "~", "priority": "high", "due_at": "2032-01-01T00:00:00Z"}, {"title": "t2"})
                created = self.person.post("/api/tasks", ends[number % 3])
                assert created.status == 201, created
                if number % 2:
                    assert self.person.delete(created.headers["Location"]).status == 204
                self.rounds += 1
        except Exception as failure:  # shown by the test that waits
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()
        if self.failure:
            raise self.failure


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_neither_skips_nor_repeats_while_others_write(api, sort):
    person = api.sign_up()
    before = fill(person, 60)
    with Meddler(person) as meddler:
        seen = [task["id"] for page in walk(person, sort=sort, limit=3) for task in page]
    assert meddler.rounds > 0
    assert len(seen) == len(set(seen)), "repeated"
    assert set(before) <= set(seen), "skipped"


def test_what_the_cursor_stands_on_may_go_away(api):
    person = api.sign_up()
    made = list(reversed(fill(person, 9)))
    first = person.get("/api/tasks", limit=3).json
    assert [task["id"] for task in first["items"]] == made[:3]
    for identity in made[:3]:
        assert person.delete(f"/api/tasks/{identity}").status == 204
    rest = person.get("/api/tasks", limit=100, cursor=first["next_cursor"]).json
    assert [task["id"] for task in rest["items"]] == made[3:]


def test_a_tampered_cursor_is_refused(reader):
    cursor = reader.get("/api/tasks", limit=5).json["next_cursor"]
    others = [cursor[:-1], cursor + "A", cursor[1:], cursor.swapcase(), cursor[::-1], cursor + "=", "x" * 2000,
              "bnVsbA", "e30", "null", "\u2603", " " + cursor]
    others += [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1:] for at in range(0, len(cursor), 5)]
    for other in others:
        answer = reader.get("/api/tasks", limit=5, cursor=other)
        assert pointers(answer) == ["/query/cursor"], other
    assert_problem(reader.get("/api/tasks", limit=5, cursor="x" * 2001), 422, "validation-failed")


def forge(order, value):
    """As the API makes them: their check has no key, so that anybody can."""
    last = str(uuid.uuid4()).encode() + value
    check = hashlib.sha256(order.encode() + b"-\0" * 4 + b"\0" + last).digest()[:6]
    return base64.urlsafe_b64encode(check + last).decode().rstrip("=")


@pytest.mark.parametrize("order, value", [
    ("title", b"\xff"), ("title", b"a\0b"), ("created_at", b"9223372036854775807"), ("-created_at", b"-9223372036854775808"),
    ("due_at", b"9" * 30), ("-due_at", b"soon"), ("priority", b"1e3"), ("-created_at", b"")])
def test_a_forged_cursor_is_refused(reader, order, value):
    assert pointers(reader.get("/api/tasks", sort=order, cursor=forge(order, value))) == ["/query/cursor"]
    fine = b"x" if order == "title" else b"1"
    assert reader.get("/api/tasks", sort=order, cursor=forge(order, fine)).status == 200


def test_a_cursor_belongs_to_its_order_and_filters(reader):
    cursor = reader.get("/api/tasks", limit=5, sort="title").json["next_cursor"]
    assert pointers(reader.get("/api/tasks", limit=5, sort="priority", cursor=cursor)) == ["/query/cursor"]
    assert pointers(reader.get("/api/tasks", limit=5, cursor=cursor)) == ["/query/cursor"]
    assert reader.get("/api/tasks", limit=9, sort="title", cursor=cursor).status == 200


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(api, reader):
    cursor = reader.get("/api/tasks", limit=5).json["next_cursor"]
    answer = api.sign_up().get("/api/tasks", limit=5, cursor=cursor)
    assert answer.status == 422 or answer.json["items"] == [], answer
