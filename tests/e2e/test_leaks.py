# SPDX-License-Identifier: Apache-2.0
"""Mixed requests of many people of several tenants at once, over the same connections, while the few connections to the
databases change hands all the time. All that belongs to a person carries a canary of that person alone, so an answer
that shows another's is a leak. $BULKHEAD_LEAK_REQUESTS makes it more than a few thousand; the time it may take then is
the caller's affair."""
import collections
import json
import os
import random
import re
import secrets
import threading
import types
import uuid

import pytest

from api_client import PASSWORD, Api
from fast_client import Pipe, encode

TENANTS, PEOPLE, TASKS = 6, 3, 4
REQUESTS = int(os.environ.get("BULKHEAD_LEAK_REQUESTS", "4000"))
THREADS, AT_ONCE = 12, 6
CANARY = re.compile(rb"canary-[0-9a-f]{16}")


class Person:
    def __init__(self, api, slug):
        self.canary = f"canary-{secrets.token_hex(8)}"
        self.email = f"{self.canary}@example.com"
        signed_up = api.asking(tenant=slug).sign_up(email=self.email, name=f"{self.canary} at {slug}")
        self.slug, self.token, self.identity = slug, signed_up.token, signed_up.user["id"]
        self.tasks = [self._task(signed_up, n) for n in range(TASKS)]

    def _task(self, signed_up, number):
        answer = signed_up.post("/api/tasks", {"title": f"{self.canary} {number}", "description": f"of {self.canary}"})
        assert answer.status == 201, answer
        return answer.json["id"]

    def add_job(self, stack):
        """As it would be long after it began, and for nobody to run: what is in its note is shown to this person alone."""
        self.job = str(uuid.uuid4())
        stack.sql(self.slug, "insert into jobs (id, kind, lane, payload, user_id, run_at, most_attempts, progress_note) values "
                             f"('{self.job}', 'test.row', 2, '{{}}', '{self.identity}', now() + interval '1 day', 1, "
                             f"'{self.canary}')")

    def body(self, **members):
        return json.dumps(members).encode()


@pytest.fixture(scope="module")
def narrow(stack):
    """An API with far fewer connections to databases than there are databases in use."""
    return Api(stack.launch_another_api(DB_POOL_MAX="6", LOG_LEVEL="warn"))


@pytest.fixture(scope="module")
def people(stack, narrow):
    slugs = [f"leak-{n}" for n in range(TENANTS)]
    for slug in slugs:
        stack.create_tenant(slug)
    everybody = [Person(narrow, slug) for slug in slugs for _ in range(PEOPLE)]
    for one in everybody:
        one.add_job(stack)
    return everybody


# Each kind of request: who asks, everybody and a source of chance -> the bytes, the statuses that are right, and
# whether the answer must show the asker's canary.

def own_list(who, _, chance):
    return encode("GET", f"/api/tasks?limit={chance.randint(1, 3)}", who.token), {200}, True


def own_search(who, _, chance):
    return encode("GET", f"/api/tasks?q={who.canary}&sort=title", who.token), {200}, True


def search_for_another(who, people, chance):
    """Finds nothing: the other's tasks are none of the asker's."""
    other = chance.choice([one for one in people if one is not who])
    return encode("GET", f"/api/tasks?q={other.canary[7:]}", who.token), {200}, False


def own_task(who, _, chance):
    return encode("GET", f"/api/tasks/{chance.choice(who.tasks)}", who.token), {200}, True


def task_of_another(who, people, chance):
    other = chance.choice([one for one in people if one is not who])
    method = chance.choice(["GET", "PATCH", "PUT", "DELETE"])
    body = who.body(title=f"{who.canary} was here") if method in ("PATCH", "PUT") else None
    return encode(method, f"/api/tasks/{chance.choice(other.tasks)}", who.token, body), {404}, False


def new_task(who, _, chance):
    body = who.body(title=f"{who.canary} new", description=f"of {who.canary}")
    return encode("POST", "/api/tasks", who.token, body), {201}, True


def changed_task(who, _, chance):
    body = who.body(description=f"of {who.canary}, changed {chance.random()}")
    return encode("PATCH", f"/api/tasks/{chance.choice(who.tasks)}", who.token, body), {200}, True


def own_jobs(who, _, chance):
    path = chance.choice([f"/api/jobs/{who.job}", "/api/jobs", "/api/jobs?kind=test.row&limit=1"])
    return encode("GET", path, who.token), {200}, True


def job_of_another(who, people, chance):
    path = f"/api/jobs/{chance.choice([one for one in people if one is not who]).job}"
    method = chance.choice(["GET", "POST"])
    return encode(method, path + ("/cancel" if method == "POST" else ""), who.token), {404}, False


def profile(who, _, chance):
    return encode("GET", "/api/auth/me", who.token), {200}, True


def login(who, _, chance):
    body = who.body(email=who.email, password=PASSWORD)
    return encode("POST", "/api/auth/login", body=body, headers=[("X-Tenant-ID", who.slug)]), {200}, True


def login_elsewhere(who, people, chance):
    slug = chance.choice([one.slug for one in people if one.slug != who.slug])
    body = who.body(email=who.email, password=PASSWORD)
    return encode("POST", "/api/auth/login", body=body, headers=[("X-Tenant-ID", slug)]), {401, 429}, False


def taken_address(who, people, chance):
    """Free in every other tenant, taken in its own."""
    body = who.body(email=who.email, password=PASSWORD, name=who.canary)
    return encode("POST", "/api/auth/signup", body=body, headers=[("X-Tenant-ID", who.slug)]), {409}, False


def token_elsewhere(who, people, chance):
    slug = chance.choice([one.slug for one in people if one.slug != who.slug])
    return encode("GET", "/api/tasks", who.token, headers=[("X-Tenant-ID", slug)]), {403}, False


def half_a_token(who, _, chance):
    return encode("GET", "/api/tasks", who.token[:-4]), {401}, False


KINDS = [own_list] * 6 + [own_task] * 4 + [new_task, changed_task] * 2 + [
    own_search, search_for_another, task_of_another, task_of_another, profile, profile, login, login_elsewhere, taken_address,
    token_elsewhere, half_a_token, own_jobs, own_jobs, job_of_another]


def check(who, kind, wanted, shows_own, answer):
    """What is wrong with an answer; empty when nothing is."""
    status, head, body = answer
    seen = set(CANARY.findall(head)) | set(CANARY.findall(body))
    if foreign := seen - {who.canary.encode()}:
        return f"LEAK of {foreign} to {who.canary}: {kind.__name__} {status} {head!r} {body!r}"
    if status == 503:
        return ""  # counted apart
    if status not in wanted:
        return f"{kind.__name__}: {status} instead of {wanted}: {head!r} {body!r}"
    if shows_own and not seen:
        return f"{kind.__name__} does not show what it should: {body!r}"
    return ""


def converse(api, people, requests, seed, told):
    """People of all tenants speak in turns, on one connection at a time; the server ends one after a thousand requests."""
    chance = random.Random(seed)
    left = requests // AT_ONCE
    while left > 0 and not told.problems:
        with Pipe(api.host, api.port, timeout=120) as pipe:
            for _ in range(min(left, 100)):
                ask_at_once(pipe, people, chance, told)
        left -= 100


def ask_at_once(pipe, people, chance, told):
    asked = []
    for who in chance.choices(people, k=AT_ONCE):
        kind = chance.choice(KINDS)
        asked.append((who, kind, *kind(who, people, chance)))
    answers = pipe.exchange([request for _, _, request, _, _ in asked])
    for (who, kind, _, wanted, shows_own), answer in zip(asked, answers):
        told.statuses[answer[0]] += 1
        told.shown += shows_own and answer[0] != 503
        if problem := check(who, kind, wanted, shows_own, answer):
            told.problems.append(problem)


def test_nobody_sees_what_is_anothers(narrow, people):
    told = types.SimpleNamespace(statuses=collections.Counter(), shown=0, problems=[])
    seed = secrets.randbits(32)

    def work(number):
        mine = types.SimpleNamespace(statuses=collections.Counter(), shown=0, problems=[])
        try:
            converse(narrow, people, REQUESTS // THREADS, seed + number, mine)
        except (AssertionError, OSError) as failed:
            mine.problems.append(f"connection {number}: {failed!r}")
        results.append(mine)

    results = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in results:
        told.statuses += mine.statuses
        told.shown += mine.shown
        told.problems += mine.problems
    print(f"seed {seed}: {dict(told.statuses)}, {told.shown} answers showed the asker's own canary")
    assert not told.problems, f"seed {seed}: " + "\n".join(told.problems[:3])
    asked = sum(told.statuses.values())
    assert asked >= REQUESTS - THREADS * AT_ONCE
    assert told.shown > asked / 2, told.statuses  # else it has proven nothing
    assert told.statuses[503] < asked / 10, told.statuses


def test_all_is_still_where_it_belongs(stack, people):
    """The same, asked of the databases: each holds the canaries of its own people and no others."""
    for slug in {who.slug for who in people}:
        found = stack.sql(slug, "select title || description from tasks union all select email || name from users "
                                "union all select progress_note from jobs where state = 0")
        seen = set(re.findall(CANARY.pattern.decode(), found))
        assert seen == {who.canary for who in people if who.slug == slug}
