# SPDX-License-Identifier: Apache-2.0
"""Compressed answers, as clients, caches and attackers see them."""
import gzip
import re
import subprocess
import time

import pytest

from api_client import PASSWORD, Api, unique

GZIP = {"Accept-Encoding": "gzip"}
SCRIPT = "/api-docs/assets/swagger-ui-bundle.js"
FRAMING = ("Content-Length", "Content-Type", "Content-Encoding", "ETag", "Vary", "Cache-Control")


@pytest.fixture
def tasks(person):
    """A user with a page of tasks that is a few KiB long, and the ids of these."""
    made = [person.post("/api/tasks", {"title": f"Task {number}", "description": "Words that repeat. " * 20})
            for number in range(20)]
    assert all(one.status == 201 for one in made)
    person.ids = [one.json["id"] for one in made]
    return person


@pytest.fixture
def large_task(person):
    """A task whose representation is worth compressing; its path."""
    made = person.post("/api/tasks", {"title": "Large", "description": "Words that repeat. " * 100})
    assert made.status == 201
    return "/api/tasks/" + made.json["id"]


def expanded(answer):
    coding = answer.headers["Content-Encoding"]
    if coding == "zstd":
        import ctypes
        import ctypes.util
        library = ctypes.CDLL(ctypes.util.find_library("zstd"))
        room = ctypes.create_string_buffer(8 << 20)
        library.ZSTD_decompress.restype = ctypes.c_size_t
        size = library.ZSTD_decompress(room, ctypes.c_size_t(len(room)), answer.body, ctypes.c_size_t(len(answer.body)))
        return room.raw[:size]
    return gzip.decompress(answer.body) if coding == "gzip" else answer.body


def metric(stack, pattern):
    text = Api(stack.ops_url).get("/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", text, re.M))


@pytest.mark.parametrize("accepted, coding", [
    (None, None), ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("gzip;q=1, zstd;q=0.1", "gzip"),
    ("gzip;q=0", None), ("br", None), ("identity", None), ("*", "zstd"), ("gzip, identity;q=0", "gzip")])
def test_a_list_comes_in_the_coding_that_was_asked_for(tasks, accepted, coding):
    plain = tasks.get("/api/tasks")
    answer = tasks.get("/api/tasks", headers={"Accept-Encoding": accepted})
    assert answer.headers["Content-Encoding"] == coding
    assert expanded(answer) == plain.body and len(plain.body) > 5000
    assert len(answer.body) < len(plain.body) / 3 or coding is None
    assert "Accept-Encoding" in ", ".join(answer.headers.get_all("Vary"))
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_small_answers_are_left_alone(tasks):
    answer = tasks.get("/api/tasks", limit=1, headers=GZIP)
    assert answer.headers["Content-Encoding"] is None and answer.json["items"]


@pytest.mark.parametrize("path", ["/openapi.json", "/api-docs", SCRIPT, "/api-docs/assets/swagger-ui.css"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_never_changes_is_compressed_once(api, stack, path, coding):
    plain = api.get(path)
    if len(plain.body) < 1024:
        return
    answer = api.get(path, headers={"Accept-Encoding": coding})
    assert answer.headers["Content-Encoding"] == coding and expanded(answer) == plain.body
    before = metric(stack, "bulkhead_compression_skipped_total")
    again = api.get(path, headers={"Accept-Encoding": coding})
    assert again.body == answer.body and metric(stack, "bulkhead_compression_skipped_total") == before


@pytest.mark.parametrize("path", ["/openapi.json", SCRIPT, "/api/tasks"])
@pytest.mark.parametrize("accepted", ["gzip", "zstd", "identity"])
def test_head_says_what_get_says(tasks, path, accepted):
    headers = {"Accept-Encoding": accepted}
    get = tasks.get(path, headers=headers)
    head = tasks.request("HEAD", path, headers=headers)
    assert head.body == b""
    assert [(name, head.headers.get_all(name)) for name in FRAMING] == [(name, get.headers.get_all(name)) for name in FRAMING]


def test_a_coded_form_has_its_own_tag_and_it_guards_updates(person, large_task):
    plain = person.get(large_task).headers["ETag"]
    coded = person.get(large_task, headers=GZIP)
    assert coded.headers["Content-Encoding"] == "gzip"
    tag = coded.headers["ETag"]
    assert tag == plain[:-1] + '-gzip"'

    same = person.get(large_task, headers=GZIP | {"If-None-Match": tag})
    assert (same.status, same.headers["ETag"], same.headers["Content-Encoding"]) == (304, tag, None)
    assert "Accept-Encoding" in ", ".join(same.headers.get_all("Vary"))
    same = person.get(large_task, headers=GZIP | {"If-None-Match": plain})
    assert (same.status, same.headers["ETag"]) == (304, plain)
    # Whoever does not take gzip now must not be told to go on with it.
    other = person.get(large_task, headers={"If-None-Match": tag})
    assert (other.status, other.headers["ETag"]) == (200, plain)

    changed = person.patch(large_task, {"title": "Changed"}, headers={"If-Match": tag})
    assert changed.status == 200
    assert person.patch(large_task, {"title": "Late"}, headers={"If-Match": tag}).status == 412
    assert person.get(large_task, headers=GZIP | {"If-None-Match": tag}).status == 200
    listed = {"If-Match": f'"0", "{changed.headers["ETag"][1:-1]}-zstd"'}
    assert person.delete(large_task, headers=listed).status == 204


def test_files_keep_their_tags_too(api):
    tag = api.get(SCRIPT, headers=GZIP).headers["ETag"]
    assert tag.endswith('-gzip"')
    assert api.get(SCRIPT, headers=GZIP | {"If-None-Match": tag}).status == 304
    assert api.get(SCRIPT, headers={"If-None-Match": tag}).status == 200


def carries_a_secret(schema, document, seen=()):
    """Whether a member named like a secret is anywhere in a schema."""
    if isinstance(schema, list):
        return any(carries_a_secret(each, document, seen) for each in schema)
    if not isinstance(schema, dict):
        return False
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference and reference not in seen and carries_a_secret(document["components"]["schemas"][reference], document,
                                                               (*seen, reference)):
        return True
    if any(re.search("token|secret|password|key$", name) for name in schema.get("properties", {})):
        return True
    return any(carries_a_secret(each, document, seen) for each in schema.values())


# BREACH needs a secret beside text of the attacker's choice in one compressed body.
def test_answers_that_carry_a_token_are_never_compressed(api):
    document = api.get("/openapi.json").json
    secretive = {operation["operationId"] for path in document["paths"].values() for operation in path.values()
                 if any(carries_a_secret(answer, document) for status, answer in operation["responses"].items()
                        if status.startswith("2"))}
    assert secretive == {"signUp", "logIn", "createWebhook"}, "try the new ones, too: below, webhooks in test_webhooks.py"
    for accepted in ("gzip", "zstd", "gzip, identity;q=0", "*"):
        long_name = "A" * 200  # as much as can be reflected
        email = f"{unique('breach')}@{'x' * 60}.{'y' * 60}.example"
        headers = {"Accept-Encoding": accepted}
        made = api.post("/api/auth/signup", {"email": email, "password": PASSWORD, "name": long_name}, headers=headers)
        assert made.status == 201 and made.headers["Content-Encoding"] is None and made.json["access_token"]
        entered = api.post("/api/auth/login", {"email": email, "password": PASSWORD}, headers=headers)
        assert entered.status == 200 and entered.headers["Content-Encoding"] is None and entered.json["access_token"]


def test_curl_understands(stack, tasks):
    for options in (["--compressed"], []):
        done = subprocess.run(["curl", "-sS", *options, "-H", f"Authorization: Bearer {tasks.token}",
                               f"{stack.url}/api/tasks"], capture_output=True, timeout=60)
        assert done.stdout == tasks.get("/api/tasks").body, done.stderr


def test_operators_see_what_is_saved(stack, tasks):
    def bytes_counted(direction):
        return metric(stack, rf'bulkhead_compression_bytes_total\{{coding="gzip",direction="{direction}"\}}')

    before = bytes_counted("in"), bytes_counted("out")
    plain, coded = tasks.get("/api/tasks"), tasks.get("/api/tasks", headers=GZIP)
    end = time.monotonic() + 20
    while bytes_counted("in") < before[0] + len(plain.body):
        assert time.monotonic() < end
    assert before[1] + len(coded.body) <= bytes_counted("out") < before[1] + len(plain.body)


def test_it_can_be_switched_off(stack):
    other = Api(stack.launch_another_api(COMPRESSION="off"))
    answer = other.get("/openapi.json", headers=GZIP)
    assert answer.headers["Content-Encoding"] is None and answer.json["openapi"]
