# SPDX-License-Identifier: Apache-2.0
"""A tenant is moved to another server, and cloned, while people write without a break. Every write that was acknowledged
is there afterwards; during the pause of a move they are told to come back. The other server's administrator is no
superuser."""
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from api_client import PASSWORD, assert_problem, unique
from conftest import PATIENCE, Servers

WRITERS = 4
OTHER_PASSWORD = "an-administrator-of-the-tests"


class OtherServer:
    def __init__(self, stack, folder):
        self.servers = Servers()
        self.url = self.servers.env["DATABASE_URL"]
        self.psql("bulkhead", f"create role mover login createdb createrole password '{OTHER_PASSWORD}'")
        parts = urllib.parse.urlsplit(self.url)
        file = pathlib.Path(folder / "other.url")
        file.write_text(f"postgresql://mover:{OTHER_PASSWORD}@{parts.hostname}:{parts.port}/postgres\n")
        file.chmod(0o600)
        stack.migrate("server", "add", "other", "--url-file", str(file))
        stack.migrate("server", "drain", "other")

    def psql(self, database, statement):
        url = self.url.rsplit("/", 1)[0] + "/" + database
        return subprocess.run(["psql", "-XAtqc", statement, url], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def other(stack, tmp_path_factory):
    running = OtherServer(stack, tmp_path_factory.mktemp("other"))
    yield running
    running.servers.stop()


class Writers:
    """People of one tenant who create tasks one after the other. `acknowledged`: the ids and when each was answered."""

    def __init__(self, api, tenant):
        self.acknowledged, self.refused, self.wrong = [], 0, []
        self.stopping = threading.Event()
        people = [api.asking(tenant=tenant).sign_up() for _ in range(WRITERS)]
        self.threads = [threading.Thread(target=self._write, args=(person,)) for person in people]
        self.people = people

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_for_more(20)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _write(self, person):
        while not self.stopping.is_set():
            try:
                answer = person.post("/api/tasks", {"title": unique("written")})
            except (OSError, AssertionError) as problem:  # a 500, or a 503 without Retry-After
                self.wrong.append(repr(problem))
                return
            if answer.status == 201:
                self.acknowledged.append((answer.json["id"], time.monotonic()))
            elif answer.status == 503:
                self.refused += 1
                time.sleep(0.02)
            else:
                self.wrong.append(repr(answer))
                return

    def wait_for_more(self, count):
        wanted, end = len(self.acknowledged) + count, time.monotonic() + PATIENCE
        while len(self.acknowledged) < wanted:
            assert not self.wrong, self.wrong
            assert time.monotonic() < end, f"nobody can write; {self.refused} were refused"
            time.sleep(0.005)

    def ids(self):
        return {task for task, _ in self.acknowledged}

    def longest_gap(self):
        """Seconds in which nobody's write was acknowledged."""
        times = sorted(when for _, when in self.acknowledged)
        return max(later - earlier for earlier, later in zip(times, times[1:]))


def migrator(stack, *arguments, **settings):
    return subprocess.run([stack.bin / "bulkhead-migrator", *arguments], env=stack.env | settings, cwd=stack.folder,
                          text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)


def place_of(stack, tenant):
    """The server's name, the database and the status."""
    return stack.control("select s.name, t.database, t.status from tenants t join servers s on s.id = t.server_id "
                         f"where t.slug = '{tenant}'").split("|")


def databases_of(stack, other, tenant):
    """How many there are on each of the servers."""
    query = f"select count(*) from pg_database where datname = '{place_of(stack, tenant)[1]}'"
    return int(stack.control(query)), int(other.psql("bulkhead", query))


def tasks_in(sql, database):
    return set(sql(database, "select id from tasks").split())


def fresh_tenant(stack):
    slug = unique("mover")
    stack.create_tenant(slug)
    return slug


def test_a_move_under_load_loses_no_acknowledged_write(stack, api, other):
    tenant = fresh_tenant(stack)
    with Writers(api, tenant) as writers:
        stack.migrate("tenant", "move", tenant, "--server", "other")
        assert place_of(stack, tenant)[::2] == ["other", "active"]
        writers.wait_for_more(50)
    assert not writers.wrong, writers.wrong
    _, database, _ = place_of(stack, tenant)
    assert writers.ids() <= tasks_in(other.psql, database)
    assert databases_of(stack, other, tenant) == (0, 1)
    paused = stack.control("select detail->>'paused_ms' from platform_audit where action = 'tenant.moved' "
                           f"and slug = '{tenant}'")
    print(f"\nmoved {len(writers.acknowledged)} tasks, {writers.refused} requests refused, "
          f"paused {paused} ms, nobody could write for {writers.longest_gap() * 1000:.0f} ms")
    assert writers.longest_gap() < 30
    # Tokens and sessions go along.
    assert writers.people[0].get("/api/auth/me").status == 200
    assert writers.people[0].get("/api/auth/sessions").status in (200, 404)


@pytest.mark.parametrize("place", ["move.prepare.saved", "move.pause.before", "move.pause.saved", "move.copy.after",
                                   "move.flip.after", "move.retire.before"])
def test_a_move_that_is_killed_under_load_is_brought_to_an_end_by_the_worker(stack, api, other, place):
    tenant = fresh_tenant(stack)
    with Writers(api, tenant) as writers:
        killed = migrator(stack, "tenant", "move", tenant, "--server", "other", BULKHEAD_FAIL_POINT=place)
        assert killed.returncode == -signal.SIGKILL, f"{place} was not passed: {killed}"
        end = time.monotonic() + PATIENCE
        unfinished = f"select count(*) from operations where slug = '{tenant}' and finished_at is null"
        while stack.control(unfinished) != "0":
            assert time.monotonic() < end, stack.control(f"select * from operations where slug = '{tenant}'")
            time.sleep(0.1)
        writers.wait_for_more(50)
    assert not writers.wrong, writers.wrong
    server, database, status = place_of(stack, tenant)
    assert status == "active"
    sql = other.psql if server == "other" else lambda _, statement: stack.sql(tenant, statement)
    assert writers.ids() <= tasks_in(sql, database)
    assert databases_of(stack, other, tenant) == ((0, 1) if server == "other" else (1, 0))
    print(f"\n{place}: now on {server}, nobody could write for {writers.longest_gap() * 1000:.0f} ms")


def test_a_move_that_would_take_too_long_is_refused_or_taken_back(stack, api, other):
    tenant = fresh_tenant(stack)
    with Writers(api, tenant) as writers:
        refused = migrator(stack, "tenant", "move", tenant, "--server", "other", "--max-pause", "100ms")
        assert refused.returncode not in (0, 78), refused
        assert "--max-pause" in refused.stderr, refused
        writers.wait_for_more(20)
    assert not writers.wrong, writers.wrong
    assert place_of(stack, tenant)[::2] == ["control", "active"]
    assert databases_of(stack, other, tenant) == (1, 0)


def test_a_clone_under_load_has_every_write_from_before_it_began(stack, api):
    tenant, twin = fresh_tenant(stack), unique("twin")
    with Writers(api, tenant) as writers:
        before = writers.ids()
        stack.migrate("tenant", "clone", tenant, twin)
        writers.wait_for_more(20)
    assert not writers.wrong, writers.wrong
    assert writers.refused == 0  # the source is not kept waiting
    copied = set(stack.sql(twin, "select id from tasks").split())
    assert before <= copied <= writers.ids() | set(stack.sql(tenant, "select id from tasks").split())

    # The same people, other keys: a token of the source opens nothing in the clone, and the other way round.
    person = writers.people[0]
    assert person.asking(tenant=twin).get("/api/tasks").status in (401, 403)
    login = {"email": person.email, "password": PASSWORD}
    answer = api.asking(tenant=twin).post("/api/auth/login", login)
    assert answer.status == 200, answer
    theirs = api.asking(token=answer.json["access_token"])
    assert theirs.get("/api/tasks").status == 200
    assert theirs.post("/api/tasks", {"title": "only in the clone"}).status == 201
    assert "only in the clone" not in stack.sql(tenant, "select title from tasks")
    stack.migrate("tenant", "suspend", tenant)
    assert_problem(person.get("/api/tasks"), 403, "tenant-suspended")
    assert theirs.get("/api/tasks").status == 200


def test_a_tenant_goes_through_a_file_while_it_is_in_use(stack, api, tmp_path):
    tenant, again, file = fresh_tenant(stack), unique("again"), tmp_path / "tenant.tar"
    with Writers(api, tenant) as writers:
        before = writers.ids()
        stack.migrate("tenant", "export", tenant, "--output", str(file))
        writers.wait_for_more(20)
    assert file.stat().st_mode & 0o777 == 0o600
    assert subprocess.run(["tar", "tf", file], check=True, capture_output=True, text=True).stdout.split() == [
        "database.dump", "manifest.json"]
    stack.migrate("tenant", "import", str(file), again)
    assert before <= set(stack.sql(again, "select id from tasks").split())
    refused = migrator(stack, "tenant", "import", str(file), again)
    assert refused.returncode == 1, refused
    os.truncate(file, file.stat().st_size // 2)
    damaged = migrator(stack, "tenant", "import", str(file), unique("never"))
    assert damaged.returncode != 0 and "cut off" in damaged.stderr, damaged
