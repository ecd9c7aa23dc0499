# SPDX-License-Identifier: Apache-2.0
"""What does not parse is 400, what does not validate is 422 and names each member, what is too large is 413. Nothing
is ever 500 (api_client checks that of every answer), and the server goes on serving afterwards."""
import json
import random

import pytest

from api_client import assert_problem, pointers

DEEP = 100_000


@pytest.fixture(autouse=True)
def still_serving(person):
    yield
    assert person.post("/api/tasks", {"title": "afterwards"}).status == 201


@pytest.mark.parametrize("members, wrong", [
    ({}, ["/title"]),
    ({"title": None}, ["/title"]), ({"title": 1}, ["/title"]), ({"title": True}, ["/title"]),
    ({"title": ["x"]}, ["/title"]), ({"title": {"x": "y"}}, ["/title"]), ({"title": ""}, ["/title"]),
    ({"title": "x" * 201}, ["/title"]), ({"title": "\U0001f6a2" * 201}, ["/title"]),
    ({"title": "x", "description": "x" * 10_001}, ["/description"]),
    ({"title": "x", "description": 5}, ["/description"]),
    ({"title": "x", "completed": "true"}, ["/completed"]), ({"title": "x", "completed": 1}, ["/completed"]),
    ({"title": "x", "priority": "urgent"}, ["/priority"]), ({"title": "x", "priority": "High"}, ["/priority"]),
    ({"title": "x", "priority": 1}, ["/priority"]),
    ({"title": "x", "due_at": "2031-02-29T00:00:00Z"}, ["/due_at"]),
    ({"title": "x", "due_at": "tomorrow"}, ["/due_at"]),
    ({"title": "x", "due_at": "2031-01-01"}, ["/due_at"]), ({"title": "x", "due_at": 1767225600}, ["/due_at"]),
    ({"title": "x", "due_at": "2031-01-01T00:00:00"}, ["/due_at"]),
    ({"title": "x", "due_at": "2031-13-01T00:00:00Z"}, ["/due_at"]), ({"title": "x", "due_at": ""}, ["/due_at"]),
    ({"title": "x", "owner": "me"}, ["/owner"]), ({"title": "x", "id": "mine"}, ["/id"]),
    ({"title": "x", "version": 7}, ["/version"]), ({"title": "x", "user_id": "u"}, ["/user_id"]),
    ({"title": "x", "": 1}, ["/"]), ({"title": "x", "a/b~c": 1}, ["/a~1b~0c"]),
    ({"title": "x", "Title": "y"}, ["/Title"]),
    ({"title": 1, "completed": 2, "priority": 3, "due_at": 4, "description": 5, "x": 6},
     ["/title", "/completed", "/priority", "/due_at", "/description", "/x"]),
])
def test_each_wrong_member_is_named(person, members, wrong):
    assert sorted(pointers(person.post("/api/tasks", members))) == sorted(wrong)
    task = person.post("/api/tasks", {"title": "target"}).headers["Location"]
    assert sorted(pointers(person.put(task, members))) == sorted(wrong)
    patched = person.patch(task, members)
    if members.get("title", "absent") == "absent" and wrong == ["/title"]:
        assert patched.status == 200, patched  # a patch may leave it out
    else:
        assert sorted(pointers(patched)) == sorted(wrong)


@pytest.mark.parametrize("text", ["null", "true", "7", '"text"', "[]", '[{"title":"x"}]'])
def test_a_body_that_is_no_object(person, text):
    assert pointers(person.post("/api/tasks", body=text)) == [""]


@pytest.mark.parametrize("body", [
    b"", b" ", b"{", b"}", b"{}}", b"{} {}", b"{}x", b"not json", b'{"title":"x",}', b"{'title':'x'}", b'{"title":"x"',
    b'{"title":"x","title":"y"}', b'{"title":"x","tit\\u006ce":"y"}', b'{"title":"x","x":{"a":1,"a":2}}',
    b'{"title":1e999}', b'{"title":-1e999}', b'{"title":NaN}', b'{"title":Infinity}', b'{"title":01}', b'{"title":+1}',
    b'{"title":.5}', b'{"title":0x1}', b'{"title":"a\x00b"}', b'{"title":"a\\u0000b"}', b'{"ti\\u0000tle":"x"}',
    b'{"title":"\xff"}', b'{"title":"\xc0\xaf"}', b'{"title":"\xed\xa0\x80"}', b'{"title":"\xf4\x90\x80\x80"}',
    b'{"title":"\xe2\x82"}', b'{"title":"\\ud800"}', b'{"title":"\\udc00"}', b'{"title":"\\udc00\\ud800"}',
    b'{"title":"\\ud800x"}', b'{"\\ud800":"x"}', b'{"title":"\\x41"}', b'{"title":"\\u12"}', b'{"title":"a\nb"}',
    b'{"title":"a\tb"}', b'{"title":tru}', b'{"title":undefined}', b'/**/{"title":"x"}', b'{"title":"x"}//',
    b'\xef\xbb\xbf{"title":"x"}', b'{"title":"x"}\x00', '{"title":"x"}'.encode("utf-16"),
    b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP, b'{"title":' + b"[" * 1000 + b"]" * 1000 + b"}",
], ids=lambda body: repr(body[:40]))
def test_what_is_not_json(person, body):
    assert_problem(person.post("/api/tasks", body=body), 400, "malformed-request")


def test_malformed_bodies_on_every_route_with_a_body(api, person):
    for ask in (lambda b: api.post("/api/auth/signup", body=b), lambda b: api.post("/api/auth/login", body=b),
                lambda b: person.put("/api/tasks/0197c5a0-0000-7000-8000-000000000000", body=b),
                lambda b: person.patch("/api/tasks/0197c5a0-0000-7000-8000-000000000000", body=b)):
        for body in (b"", b"{", b'{"a":1,"a":2}', b'{"a":"\xff"}'):
            assert_problem(ask(body), 400, "malformed-request")


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/xml",
                                        "multipart/form-data; boundary=x", "application/jsonx", "json",
                                        "application/json; charset=latin-1", "application/merge-patch+json", "*/*"])
def test_other_media_types(person, media_type):
    answer = person.post("/api/tasks", {"title": "x"}, headers={"Content-Type": media_type})
    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["application/json;charset=utf-8", "Application/JSON",
                                        'application/json; charset="UTF-8"'])
def test_spellings_of_the_media_type(person, media_type):
    assert person.post("/api/tasks", {"title": "x"}, headers={"Content-Type": media_type}).status == 201


def test_a_body_over_the_limit(person):
    limit = 1 << 20
    for size in (limit + 1, 8 * limit):
        body = json.dumps({"title": "x", "description": "d" * size})
        assert_problem(person.post("/api/tasks", body=body), 413, "content-too-large")
    just_under = json.dumps({"title": "x"}).ljust(limit)
    assert person.post("/api/tasks", body=just_under).status == 201


def test_many_members(person):
    answer = person.post("/api/tasks", {"title": "x"} | {f"m{n}": n for n in range(900)})
    assert len(pointers(answer)) > 0
    assert len(answer.body) < 200_000
    answer = person.post("/api/tasks", body="{" + ",".join(f'"m{n}":0' for n in range(50_000)) + "}")
    assert answer.status in (400, 422)


def test_hostile_texts_are_kept_as_they_are(person):
    for text in ("../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "\u202egnp.exe", "\ufeffbom", "a\u0001b", "=1+1",
                 "\u00e9 vs e\u0301", "\U0001f600", "a\u2028\u2029", "\x7f"):
        answer = person.post("/api/tasks", {"title": text})
        assert answer.status == 201, answer
        assert person.get(answer.headers["Location"]).json["title"] == text


def test_mutated_bodies_never_break_the_server(person):
    """A seeded handful of byte faults in a good body; api_client fails on any 500."""
    chance = random.Random(20310101)
    good = b'{"title":"caf\xc3\xa9","priority":"low","due_at":"2031-01-01T00:00:00Z","completed":false}'
    for _ in range(300):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            chance.choice((lambda: body.__setitem__(at, chance.randrange(256)), lambda: body.pop(at),
                           lambda: body.insert(at, chance.randrange(256))))()
        assert person.post("/api/tasks", body=bytes(body)).status in (201, 400, 422)
