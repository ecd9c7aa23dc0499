# SPDX-License-Identifier: Apache-2.0
"""kill -9 of whoever works on tenants (command, worker, API), at every place where it matters, and of PostgreSQL itself.
Then one worker runs, and the data must be in order: no database or role that no row names, no tenant that is half there,
nothing unfinished.
All programs log in as an administrator who is no superuser.

KILL_MATRIX_ROUNDS: random rounds of program x place x kind of work (4; each prints its seed). KILL_MATRIX_SEED: repeats.
KILL_MATRIX_CRASHES: how often PostgreSQL is killed during a creation (2)."""
import concurrent.futures
import contextlib
import http.client
import os
import random
import re
import secrets
import signal
import time

import pytest

from api_client import PASSWORD, Api, unique
from conftest import BIN, PATIENCE, ReservedPort, Servers
from migrator_cli import Cli
from programs import Program

ROUNDS = int(os.environ.get("KILL_MATRIX_ROUNDS", 4))
CRASHES = int(os.environ.get("KILL_MATRIX_CRASHES", 2))
SEED = os.environ.get("KILL_MATRIX_SEED") or secrets.token_hex(4)
KINDS = ("create", "delete", "undelete", "purge")
COPIES = ("clone", "import", "move")  # seconds each: only in the random rounds; lifecycle_copy_kill_test.cpp has every step
BY_API = ("create", "delete", "undelete", "clone")  # what the platform's API is asked for
SPARE_PLACES = ("recorded", "roles", "database", "open", "handed-over")


class House(Cli):
    """A control database with its login, and the programs that work there."""

    def __init__(self, servers, folder, name):
        super().__init__(servers, folder, name)
        self.servers = servers
        self.env["REDIS_URL"] = servers.env["REDIS_URL"]
        self.env["JWT_SECRET"] = secrets.token_urlsafe(32)
        self.env["PLATFORM_ADMIN_TOKEN"] = secrets.token_urlsafe(32)
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD)
        self.ok("up")
        self.door = ReservedPort()
        self.owners = {}  # of tenants that are copies: whose people they have
        self.steps, self.east, self.source, self.archive = {}, None, None, None

    def set_up(self, kind):
        """What copies need: a tenant to be copied, its archive; a second server, which gets tenants only by moves."""
        if kind in ("clone", "import") and self.source is None:
            self.source = self.prepared_for("delete")
        if kind == "import" and self.archive is None:
            self.archive = self.folder / "archive.tar"
            self.do("export", self.source)
        if kind == "move" and self.east is None:
            self.set_up_east()

    def set_up_east(self):
        self.east = Servers()
        east_url = self.east.env["DATABASE_URL"]
        self.psql("", f"create role {self.name} login createdb createrole password 'east'", url=east_url)
        login = self.folder / "east"
        login.write_text(f"postgresql://{self.name}:east@{east_url.rsplit('@')[1].split('/')[0]}/postgres")
        self.psql("", "revoke connect, temporary on database postgres, template1, bulkhead from public", url=east_url)
        self.psql("", f"grant connect on database postgres to {self.name}", url=east_url)
        self.ok("server", "add", "east", "--url-file", login)
        self.ok("server", "drain", "east")

    def close(self):
        if self.east is not None:
            self.east.stop()

    def arguments(self, kind, slug):
        if kind == "clone":
            return ("tenant", "clone", self.source, slug)
        if kind == "import":
            return ("tenant", "import", self.archive, slug)
        options = {"create": ("--owner-email", f"owner@{slug}.test", "--owner-password-file", self.password_file),
                   "delete": (f"--confirm={slug}",), "purge": (f"--confirm={slug}",), "move": ("--server", "east"),
                   "export": ("--output", self.archive)}
        return ("tenant", kind, slug, *options.get(kind, ()))

    def do(self, kind, slug):
        done = self.run(*self.arguments(kind, slug))
        assert done.status == 0, done
        return done

    def prepared_for(self, kind):
        """A tenant to which `kind` can be done; for create only its name."""
        slug = unique("t")
        before = {"delete": ("create",), "undelete": ("create", "delete"), "purge": ("create", "delete"), "move": ("create",)}
        self.set_up(kind)
        if kind in ("clone", "import"):
            self.owners[slug] = self.source
        for earlier in before.get(kind, ()):
            self.do(earlier, slug)
        return slug

    def steps_of(self, kind):
        """What the command names as it goes."""
        if kind not in self.steps:
            self.steps[kind] = self.find_steps(kind)
        return self.steps[kind]

    def find_steps(self, kind):
        slug = self.prepared_for(kind)
        told = self.do(kind, slug).stderr
        steps = re.findall(rf"^.*{slug}: (.*)$", told, re.MULTILINE)
        assert len(steps) >= 2, told
        return steps

    def dies(self, kind, slug, place):
        done = self.run(*self.arguments(kind, slug), BULKHEAD_FAIL_POINT=place)
        assert done.status == -signal.SIGKILL, f"{place} was not passed: {done}"

    @contextlib.contextmanager
    def api(self, **settings):
        """An API on ports of its own: the program, and what asks it with the platform's token."""
        ports = [ReservedPort(), ReservedPort()]
        with Program(BIN / "bulkhead-api", environment=self.env | {
                "BIND_ADDRESS": "127.0.0.1", "PORT": str(ports[0].number), "OPS_PORT": str(ports[1].number),
                "API_THREADS": "1", "RATE_LIMIT": "off", "RATE_LIMIT_AUTH": "off", "LOG_FORMAT": "json",
                **settings}) as program:
            url = f"http://127.0.0.1:{ports[0].number}"
            program.wait_until_ready(url, PATIENCE)
            yield program, Api(url, token=self.env["PLATFORM_ADMIN_TOKEN"], timeout=PATIENCE)

    def ask(self, api, kind, slug):
        """The answer of the platform's API; None when it broke off."""
        all_of_them, wait = "/api/platform/tenants", {"Prefer": "wait=30"}
        try:
            if kind == "create":
                owner = {"email": f"owner@{slug}.test", "password": PASSWORD, "name": "The owner"}
                return api.post(all_of_them, {"slug": slug, "name": slug, "owner": owner}, headers=wait)
            if kind == "clone":
                return api.post(f"{all_of_them}/{self.source}/clone", {"slug": slug, "name": slug}, headers=wait)
            if kind == "delete":
                return api.delete(f"{all_of_them}/{slug}")
            return api.post(f"{all_of_them}/{slug}/undelete")
        except (OSError, http.client.HTTPException):
            return None

    def api_at_work(self, kind, slug, place):
        """How an API ends that is asked for the work and dies at this place, and what it answered."""
        with self.api(BULKHEAD_FAIL_POINT=place) as (program, api):
            answer = self.ask(api, kind, slug)
            if answer is not None and answer.status == 201:
                return program.stop(), answer  # did not come there
            return program.wait(PATIENCE), answer

    def api_dies(self, kind, slug, place):
        status, answer = self.api_at_work(kind, slug, place)
        assert status == -signal.SIGKILL, f"{place} was not passed: {status}, {answer}"
        # It may still have said that it is at it, never that it was done.
        assert answer is None or answer.status == 202, answer

    def worker(self, spares=0, **settings):
        return Program(BIN / "bulkhead-worker", environment=self.env | {
            "OPS_BIND": "127.0.0.1", "OPS_PORT": str(self.door.number), "TENANT_SPARES": str(spares),
            "LOG_FORMAT": "json", **settings})

    def worker_dies(self, place, spares=0):
        with self.worker(spares, BULKHEAD_FAIL_POINT=place) as doomed:
            assert doomed.wait(PATIENCE) == -signal.SIGKILL, f"{place}: {doomed.output[-3000:]}"

    def age(self):
        """As if everything that is unfinished had been left alone for long: nobody wants to wait for it."""
        self.control("update operations set updated_at = updated_at - interval '1 day' where finished_at is null")

    def unfinished(self):
        return int(self.control("select count(*) from operations where finished_at is null"))

    def put_in_order(self, spares=0):
        """What one worker makes of it."""
        with self.worker(spares) as worker:
            worker.wait_until_ready(f"http://127.0.0.1:{self.door.number}")  # a signal before that would just end it
            wanted = f"select not exists (select from operations where finished_at is null) and " \
                     f"(select count(*) >= {spares} and coalesce(bool_and(ready), true) from spare_databases)"
            end = time.monotonic() + PATIENCE
            while self.control(wanted) != "t":
                assert time.monotonic() < end, f"{self.report()}\n{worker.output[-4000:]}"
                self.age()
                time.sleep(0.05)
            assert worker.stop() == 0, worker.output[-3000:]

    def report(self):
        return self.control("select kind, slug, state, step, attempt, error, progress from operations "
                            "where finished_at is null")

    def servers_of_tenants(self):
        yield "control", self.admin_url
        if self.east is not None:
            yield "east", self.east.env["DATABASE_URL"]

    def orphans(self):
        """Databases and roles of servers that look like a tenant's and that no row names."""
        for server, url in self.servers_of_tenants():
            known = self.control(
                f"select unnest(array[database, role_name, owner_role]) from (select server_id, database, role_name, "
                f"owner_role from tenants union all select server_id, database, role_name, owner_role from spare_databases) "
                f"all_of_them join servers on servers.id = server_id where name = '{server}'").split()
            there = self.psql("", "select name from (select datname as name from pg_database union all select rolname "
                              "from pg_roles) all_names where name ~ '^bulkhead_(t|deleted)_'", url=url).split()
            yield from sorted(f"{server}: {name}" for name in set(there) - set(known))

    def tenants(self):
        """Of each: slug, status, server and its URL, database, role, owner."""
        for server, url in self.servers_of_tenants():
            for row in self.control(f"select slug, status, database, role_name, owner_role from tenants t join servers s on "
                                    f"s.id = t.server_id where s.name = '{server}' order by slug").splitlines():
                slug, status, database, role, owner = row.split("|")
                yield slug, status, server, url, database, role, owner

    def check(self, api):
        """The order that must hold after everything."""
        assert self.unfinished() == 0, self.report()
        assert list(self.orphans()) == []
        rows = list(self.tenants())

        def check_one(slug, status, server, url, database, role, owner):
            credentials = {"email": f"owner@{self.owners.get(slug, slug)}.test", "password": PASSWORD}
            answer = api.asking(tenant=slug).post("/api/auth/login", credentials)
            if status == "active":
                assert answer.status == 200 and answer.json["user"]["role"] == "owner", (slug, server, answer)
            else:
                assert status == "deleted" and answer.status in (403, 404), (slug, status, answer)

        def check_server(server, url):
            on_it = [row for row in rows if row[2] == server]
            wanted = {f"{slug}|{'t|t' if status == 'active' else 'f|f'}|f|t" for slug, status, *_ in on_it}
            values = ", ".join(f"('{slug}', '{db}', '{role}', '{owner}')" for slug, _, _, _, db, role, owner in on_it)
            found = self.psql("", f"select slug, datallowconn and has_database_privilege(role, oid, 'CONNECT'), rolcanlogin, "
                              f"has_database_privilege('public', oid, 'CONNECT'), pg_get_userbyid(datdba) = owner from "
                              f"(values {values}) t (slug, db, role, owner) join pg_database on datname = db join "
                              f"(select rolname, rolcanlogin from pg_roles) r on rolname = role", url=url) if values else ""
            assert set(found.splitlines()) == wanted, server

        for server, url in self.servers_of_tenants():
            check_server(server, url)
        all_at_once(check_one, rows)
        return {slug: status for slug, status, *_ in rows}


@pytest.fixture(scope="module")
def servers():
    running = Servers()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def house(servers, tmp_path_factory):
    made = House(servers, tmp_path_factory.mktemp("kill"), "matrix")
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(house):
    with house.api() as (program, asking):
        yield asking.asking(token=None)
        assert program.stop() == 0, program.output[-3000:]


def after(kind):
    """The state of a tenant to which `kind` was done; None: it is gone."""
    return {"delete": "deleted", "purge": None}.get(kind, "active")


def places_of(kind, steps, prefix=""):
    """That a step was saved and that the next one begins are one moment; only the last is followed by nothing."""
    return [f"{kind}.{prefix}{step}.{phase}" for step in steps for phase in ("before", "after")] + [
        f"{kind}.{prefix}{steps[-1]}.saved"]


def hard_places_of(kind, steps, prefix=""):
    """Where nothing is done yet, where a step is done and nobody knows, and where all of it is. The others, between two
    steps, are easier; lifecycle_kill_test.cpp has them, and so have the random rounds."""
    return [place for place in places_of(kind, steps, prefix)
            if not place.endswith(".before") or place == f"{kind}.{prefix}{steps[0]}.before"]


def all_at_once(work, items):
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda item: work(*item), items))


def test_killed_at_every_step_the_worker_completes_it(house, api):
    steps = all_at_once(lambda kind: (kind, house.steps_of(kind)), [(kind,) for kind in KINDS])
    doomed = [(kind, place) for kind, names in steps for place in hard_places_of(kind, names)]

    def kill(kind, place):
        slug = house.prepared_for(kind)
        house.dies(kind, slug, place)
        return slug, kind, place

    killed = all_at_once(kill, doomed)
    assert house.unfinished() == len(doomed)
    house.put_in_order()
    now = house.check(api)
    for slug, kind, place in killed:
        assert now.get(slug) == after(kind), place
    certificates = house.control("select count(*) from platform_audit where action = 'tenant.purged'")
    assert int(certificates) == 1 + sum(kind == "purge" for _, kind, _ in killed)
    gone = next(slug for slug, kind, _ in killed if kind == "purge")
    house.do("create", gone)  # the name is free
    house.check(api)


def test_a_killed_api_leaves_it_to_the_worker(house, api):
    """At the first, a middle and the last place of what it is asked for; also when it has answered with the job already."""
    steps = {kind: house.steps_of(kind) for kind in BY_API}
    places = [(kind, f"{kind}.{place}") for kind, names in steps.items() for place in (
        f"{names[0]}.before", f"{names[len(names) // 2]}.after", f"{names[-1]}.saved")]
    doomed = all_at_once(lambda kind, place: (house.prepared_for(kind), kind, place), places)
    all_at_once(lambda slug, kind, place: house.api_dies(kind, slug, place), doomed)
    assert house.unfinished() == len(doomed)
    house.put_in_order()
    now = house.check(api)
    for slug, kind, place in doomed:
        assert now.get(slug) == after(kind), place


def test_what_is_refused_is_taken_back_also_when_that_is_killed(house, api):
    """Without CREATEDB the server refuses to make and to rename databases, for good."""
    undo = {"create": ("database", "roles", "row"), "delete": ("bring back", "let in"), "undelete": ("put away",)}
    doomed = [(kind, place) for kind, steps in undo.items() for place in hard_places_of(kind, steps, "undo.")]
    prepared = all_at_once(lambda kind, place: (house.prepared_for(kind), kind, place), doomed)
    plain = all_at_once(lambda kind: (house.prepared_for(kind), kind), [(kind,) for kind in undo])
    house.psql("bulkhead", f"alter role {house.name} nocreatedb")
    try:
        refused = all_at_once(lambda slug, kind: house.run(*house.arguments(kind, slug)), plain)
        assert [each.status for each in refused] == [1] * len(plain), refused
        all_at_once(lambda slug, kind, place: house.dies(kind, slug, place), prepared)
    finally:
        house.psql("bulkhead", f"alter role {house.name} createdb")
    assert house.unfinished() == len(doomed)
    house.put_in_order()
    now = house.check(api)
    before = {"create": None, "delete": "active", "undelete": "deleted"}
    ends = house.control("select distinct on (slug) slug, state, error <> '' from operations "
                         "order by slug, created_at desc").splitlines()
    for slug, kind, *_ in prepared + plain:
        assert now.get(slug) == before[kind], (slug, kind)
        assert f"{slug}|failed|t" in ends, (slug, ends)
    all_at_once(lambda slug, kind: house.do(kind, slug), plain)  # and everything can be asked for again
    house.check(api)


def test_killed_while_it_makes_spares_the_next_worker_cleans_up(house, api):
    for place in SPARE_PLACES:
        house.worker_dies(f"spare.{place}", spares=1)
    house.put_in_order(spares=1)
    house.check(api)
    # A creation from stock that is killed: the spare is the tenant's.
    slug = unique("t")
    house.dies("create", slug, "create.owner.before")
    assert house.control("select count(*) from spare_databases") == "0"
    house.put_in_order(spares=1)
    assert house.check(api)[slug] == "active"


def test_killed_workers_leave_it_to_the_next(house, api):
    """The command dies at once, a first worker in the middle, a second one at its end."""
    slugs = dict(all_at_once(lambda kind: (kind, house.prepared_for(kind)), [(kind,) for kind in KINDS]))
    for kind, slug in slugs.items():
        steps = house.steps_of(kind)
        house.dies(kind, slug, f"{kind}.{steps[0]}.before")
        for place in (f"{kind}.{steps[0]}.after", f"{kind}.{steps[-1]}.after"):
            house.age()
            house.worker_dies(place)
    house.put_in_order()
    now = house.check(api)
    assert {kind: now.get(slug) for kind, slug in slugs.items()} == {kind: after(kind) for kind in KINDS}


def test_what_a_killed_program_leaves_is_taken_up_soon(house, api):
    slug = unique("t")
    with house.worker() as worker:
        worker.wait_until_ready(f"http://127.0.0.1:{house.door.number}")
        house.dies("create", slug, "create.database.after")
        begun = time.monotonic()
        while house.unfinished() > 0:
            assert time.monotonic() < begun + PATIENCE, worker.output[-3000:]
            time.sleep(0.05)
        took = time.monotonic() - begun
        assert worker.stop() == 0
    print(f"taken up and completed after {took:.1f} s")
    assert took < 15
    assert house.check(api)[slug] == "active"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_rounds(house, api, number):
    seed = f"{SEED}-{number}"
    print(f"seed {seed}")
    dice = random.Random(seed)
    kind = dice.choice(KINDS + COPIES)
    slug = house.prepared_for(kind)
    places = places_of(kind, house.steps_of(kind))
    place = dice.choice(places)
    program = dice.choice(("migrator", "api")) if kind in BY_API else "migrator"
    print(f"{program}: {place}")
    if program == "api":
        status, told = house.api_at_work(kind, slug, place)
    else:
        told = house.run(*house.arguments(kind, slug), BULKHEAD_FAIL_POINT=place)
        status = told.status
    # A creation from stock has some steps behind it already.
    assert status == -signal.SIGKILL or (kind == "create" and status == 0), told
    for _ in range(dice.randrange(3)):
        doomed = f"spare.{dice.choice(SPARE_PLACES)}" if dice.randrange(2) else dice.choice(places)
        house.age()
        with house.worker(spares=dice.choice((0, 1, 2)), BULKHEAD_FAIL_POINT=doomed) as worker:
            end = time.monotonic() + dice.uniform(0.2, 1.5)  # it dies of that, or of this
            while worker.process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            worker.process.kill()
            worker.wait()
    house.put_in_order(spares=1)
    assert house.check(api).get(slug) == after(kind), (kind, place)


@pytest.mark.parametrize("number", range(CRASHES))
def test_the_server_is_killed_during_creations(house, api, number):
    dice = random.Random(f"{SEED}-crash-{number}")
    slugs = [unique("t") for _ in range(2)]
    programs = [Program(BIN / "bulkhead-migrator", *map(str, house.arguments("create", slug)), environment=house.env)
                for slug in slugs]
    time.sleep(dice.uniform(0, 0.5))
    house.servers.command("postgres kill" if dice.randrange(4) else "postgres stop")
    house.servers.command("postgres start")
    for program in programs:
        with program:
            program.wait(PATIENCE)
    house.put_in_order()
    wait_for_api(api)
    now = house.check(api)
    for slug in slugs:
        assert now.get(slug) in (None, "active")
        if slug not in now:
            house.do("create", slug)  # it never began, and the name is free
    house.check(api)


def wait_for_api(api):
    end = time.monotonic() + PATIENCE
    while api.get("/health/ready").status != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
