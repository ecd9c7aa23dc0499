# SPDX-License-Identifier: Apache-2.0
"""What happens to a tenant in the control database takes effect in every process at once, its connections included; and
what is wrong with one tenant's database, or with the control database, hurts nobody else."""
import subprocess
import threading
import time

import pytest

from api_client import PASSWORD, Api, assert_problem, unique
from programs import wait_for

AT_ONCE = 0.1      # seconds, from the commit
ROUNDS = 5         # the best of them counts: the machine may be busy with something else
RECOVERY = 5.0


class Psql:
    """A session that is there already when a moment is to be measured."""

    def __init__(self, url):
        self.process = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("set statement_timeout = '20s'")

    def ask(self, statement):
        self.process.stdin.write(f"{statement};\n\\echo END\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, "END\n")
        return "".join(lines).strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def other_database(url, name):
    return url.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="module")
def operator(stack):
    """The superuser, outside the control database."""
    session = Psql(other_database(stack.env["DATABASE_URL"], "postgres"))
    yield session
    session.close()


@pytest.fixture(scope="module")
def control(stack):
    session = Psql(stack.env["DATABASE_URL"])
    yield session
    session.close()


@pytest.fixture(scope="module")
def apis(stack):
    return [Api(stack.url), Api(stack.launch_another_api())]


@pytest.fixture
def tenant(stack, apis, control):
    """A tenant of its own with a user, known to every reactor of both processes."""
    slug = unique("changing")
    stack.create_tenant(slug)
    person = apis[0].asking(tenant=slug).sign_up()
    person.slug = slug
    person.role, person.database = control.ask(f"select role_name || ' ' || database from tenants where slug = '{slug}'").split()
    person.everywhere = [Api(api.url, token=person.token) for api in apis]
    wait_for(lambda: all(status(one) == 200 for one in person.everywhere * 6), RECOVERY)
    return person


def status(api):
    return api.get("/api/tasks").status


class Watch:
    """Asks one process without pause, over a new connection each time, so that all of its reactors are met."""

    def __init__(self, api):
        self.api, self.seen, self.enough = api, [], threading.Event()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.enough.is_set():
            began = time.time()
            self.seen.append((began, self.api.get("/api/tasks")))

    def stop(self):
        self.enough.set()
        self.thread.join()
        return self.seen


def measure(tenant, control, change, wanted):
    """Seconds from the commit of `change` until the last request that was served began, and until no session of the
    tenant's role was left. Afterwards every answer must be `wanted`."""
    watches = [Watch(api) for api in tenant.everywhere for _ in range(2)]
    try:
        wait_for(lambda: control.ask(sessions_of(tenant)) != "0" and all(len(watch.seen) > 5 for watch in watches), RECOVERY)
        committed = float(control.ask(f"{change} returning extract(epoch from clock_timestamp())"))
        wait_for(lambda: control.ask(sessions_of(tenant)) == "0", RECOVERY)
        gone = time.time()
        time.sleep(0.5)
    finally:
        seen = [entry for watch in watches for entry in watch.stop()]
    assert control.ask(sessions_of(tenant)) == "0", "a connection came back"
    after = [(began, answer) for began, answer in seen if began > committed]
    served = [began for began, answer in after if answer.status == 200]
    for began, answer in after:
        if answer.status != 200:
            assert_problem(answer, *wanted)
    assert len(after) > len(served)
    return max(served, default=committed) - committed, gone - committed


def sessions_of(tenant):
    return f"select count(*) from pg_stat_activity where usename = '{tenant.role}'"


@pytest.mark.parametrize("to, wanted", [("suspended", (403, "tenant-suspended")), ("deleted", (404, "tenant-unknown")),
                                        ("maintenance", (503, "unavailable"))])
def test_a_tenant_is_closed_everywhere_at_once(tenant, control, to, wanted):
    extra = ", deleted_at = now(), purge_after = now() + interval '1 day'" if to == "deleted" else ""
    back = ", deleted_at = null, purge_after = null" if to == "deleted" else ""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append(measure(tenant, control, f"update tenants set status = '{to}'{extra} where slug = '{tenant.slug}'",
                              wanted))
        for api in tenant.everywhere:
            assert_problem(api.get("/api/tasks"), *wanted)
            login = Api(api.url, tenant=tenant.slug).post("/api/auth/login", {"email": tenant.email, "password": PASSWORD})
            assert_problem(login, *wanted)
        control.ask(f"update tenants set status = 'active'{back} where slug = '{tenant.slug}'")
        wait_for(lambda: all(status(one) == 200 for one in tenant.everywhere * 6), 1.0)
    refused, gone = (min(each) for each in zip(*rounds))
    print(f"{to}: refused after {refused * 1000:.1f} ms, no backend after {gone * 1000:.1f} ms; all rounds: {rounds}")
    assert refused <= AT_ONCE and gone <= AT_ONCE, rounds


def test_a_renamed_tenant_is_found_by_its_new_name_only(tenant, control, apis):
    login = {"email": tenant.email, "password": PASSWORD}
    new = unique("renamed")

    def log_in(api, slug):
        return api.asking(tenant=slug).post("/api/auth/login", login)

    for api in apis:
        assert log_in(api, tenant.slug).status == 200
        assert_problem(log_in(api, new), 404, "tenant-unknown")
    control.ask(f"update tenants set slug = '{new}' where slug = '{tenant.slug}'")
    for api in apis:
        wait_for(lambda api=api: log_in(api, tenant.slug).status == 404, 1.0)
        for _ in range(6):
            assert_problem(log_in(api, tenant.slug), 404, "tenant-unknown")
            assert log_in(api, new).status == 200
    assert all(status(one) == 200 for one in tenant.everywhere)  # the token names the tenant, not its slug


BROKEN = {  # how, and back
    "missing": ("alter database {database} rename to {database}_away", "alter database {database}_away rename to {database}"),
    "closed": ("alter database {database} allow_connections false", "alter database {database} allow_connections true"),
    "locked out": ("alter role {role} nologin", "alter role {role} login"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_database_is_its_own_tenants_problem(tenant, operator, apis, how, person):
    breaking, mending = (text.format(database=tenant.database, role=tenant.role) for text in BROKEN[how])
    leave = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{tenant.database}'"
    if how == "missing":  # it can be renamed only while nobody is in it
        operator.ask(f"alter database {tenant.database} allow_connections false")
        wait_for(lambda: operator.ask(leave) == "", RECOVERY)
        operator.ask(f"{breaking}; alter database {tenant.database}_away allow_connections true")
    else:
        operator.ask(breaking)
        operator.ask(leave)
    try:
        for api in tenant.everywhere:
            wait_for(lambda api=api: status(api) == 503, RECOVERY)
            for _ in range(20):
                began = time.monotonic()
                assert_problem(api.get("/api/tasks"), 503, "unavailable")
                assert time.monotonic() - began < 1.0  # nobody waits for what fails
        for api in apis:
            other = Api(api.url, token=person.token)
            for _ in range(6):
                assert status(other) == 200
                assert api.get("/health/ready").status == 200
                assert api.get("/health").json["status"] == "healthy"
    finally:
        operator.ask(mending)
    wait_for(lambda: all(status(one) == 200 for one in tenant.everywhere * 6), RECOVERY)


def test_the_control_database_away(stack, apis, tenant, control, operator, person):
    suspended = unique("suspended")
    stack.create_tenant(suspended)
    idle = unique("unmet")
    stack.create_tenant(idle)
    control.ask(f"update tenants set status = 'suspended' where slug = '{suspended}'")

    def log_in(api, slug):
        return api.asking(tenant=slug).post("/api/auth/login", {"email": tenant.email, "password": PASSWORD})

    for _ in range(12):
        for api in apis:
            assert log_in(api, suspended).status == 403
            assert log_in(api, tenant.slug).status == 200
    name = stack.env["DATABASE_URL"].rsplit("/", 1)[1].split("?")[0]
    operator.ask(f"alter database {name} allow_connections false")
    operator.ask(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
    try:
        for api in apis:
            wait_for(lambda api=api: api.get("/health").status == 503, RECOVERY)
            assert api.get("/health/ready").status == 503
        time.sleep(3)  # entries are not fresh any more
        for _ in range(12):
            for api in apis:
                assert status(Api(api.url, token=tenant.token)) == 200
                assert log_in(api, tenant.slug).status == 200
                assert_problem(log_in(api, suspended), 403, "tenant-suspended")
                assert_problem(log_in(api, idle), 503, "unavailable")
    finally:
        operator.ask(f"alter database {name} allow_connections true")
    wait_for(lambda: all(api.get("/health/ready").status == 200 for api in apis * 6), RECOVERY)
    again = Psql(stack.env["DATABASE_URL"])
    again.ask(f"update tenants set status = 'active' where slug = '{suspended}'")
    again.close()
    wait_for(lambda: all(log_in(api, suspended).status == 401 for api in apis * 6), RECOVERY)
