# SPDX-License-Identifier: Apache-2.0
"""What becomes of jobs when something goes wrong: the rows of the tables in docs/queue.md, through the real programs. More
of them are in test_worker.py, and all kinds of kills mixed in test_queue_kills.py."""
import concurrent.futures
import contextlib
import json
import resource
import signal
import threading
import time

import pytest

from api_client import Api, unique
from metrics_page import Metrics
from programs import wait_for
from queue_house import QueueHouse
from worker_stack import WorkerCli, column, effects, enqueue, redis_cli, state, wait_for_state


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = QueueHouse(tmp_path_factory.mktemp("queue"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def workers(house):
    """Starts workers; they are killed when the test is over."""
    started = []

    def start(**settings):
        started.append(house.start_worker(**settings))
        return started[-1]

    yield start
    for each in started:
        each.__exit__()


@contextlib.contextmanager
def kept_running(house, count=2, **settings):
    """Workers that are started again when they die, as systemd and Kubernetes do. Gives how many have died."""
    deaths, over = [], threading.Event()

    def keep_one():
        while not over.is_set():
            worker = house.begin_worker(**settings)
            while worker.process.poll() is None and not over.wait(0.05):
                pass
            if not over.is_set():
                deaths.append(worker.wait())
            worker.__exit__()

    threads = [threading.Thread(target=keep_one) for _ in range(count)]
    for each in threads:
        each.start()
    try:
        yield deaths
    finally:
        over.set()
        for each in threads:
            each.join()


def exporting(house, url=None):
    """Somebody of acme who may ask for exports."""
    person = Api(house.url, tenant="acme").sign_up(f"{unique('f')}@example.com")
    return person if url is None else Api(url, token=person.token, tenant="acme")


def ask_for_export(person):
    answer = person.post("/api/exports", {"kind": "tasks", "format": "ndjson"})
    assert answer.status == 202, answer
    return answer.json["id"]


def begin(house, **payload):
    """A long job of acme that runs; another one if it was over before anybody looked."""
    for _ in range(5):
        job = enqueue(house, "test.long", "acme", payload)
        wait_for(lambda: state(house, job) != "waiting")
        if state(house, job) == "running":
            return job
    raise AssertionError("no job was seen while it ran")


def assert_succeeded_at_once(house, *jobs, tenant="acme"):
    for job in jobs:
        assert (state(house, job, tenant), column(house, job, "attempt", tenant)) == ("succeeded", "1"), job


# ---- Before a job is in Redis

def test_the_api_dies_between_commit_and_push(house, workers):
    workers()
    with house.another_api(BULKHEAD_FAIL_POINT="outbox.before-push") as doomed:
        person = exporting(house, doomed.url)
        with contextlib.suppress(OSError):
            person.post("/api/exports", {"kind": "tasks", "format": "ndjson"})
        assert doomed.wait() == -signal.SIGKILL
    job = house.sql("acme", "select id from jobs order by created_at desc limit 1").strip()
    wait_for_state(house, job, "succeeded", seconds=60)
    assert_succeeded_at_once(house, job)


def test_a_command_dies_between_commit_and_push(house, workers):
    workers()
    done = WorkerCli(house, "enqueue", "queue.probe", "--tenant", "acme", BULKHEAD_FAIL_POINT="desk.before-push")
    assert done.status == -signal.SIGKILL
    job = house.sql("acme", "select id from jobs order by created_at desc limit 1").strip()
    wait_for_state(house, job, "succeeded", seconds=60)
    assert_succeeded_at_once(house, job)


def test_redis_forgets_everything_while_no_worker_runs(house, workers):
    jobs = [enqueue(house, "test.exercise", "acme", {"effect": True}) for _ in range(3)]
    jobs += [ask_for_export(exporting(house))]
    redis_cli(house, "flushall")
    workers()
    for job in jobs:
        wait_for_state(house, job, "succeeded", seconds=90)
    assert_succeeded_at_once(house, *jobs)
    assert [effects(house, job) for job in jobs] == [1, 1, 1, 0]


def test_retries_of_a_dead_receiver_hold_up_nobody(house, workers):
    """More of them than Redis keeps of a tenant's jobs: what could begin now has a place all the same."""
    slug = unique("crowd")
    house.create_tenant(slug)
    workers()
    house.sql(slug, "insert into jobs (id, kind, lane, payload, most_attempts, run_at) select gen_random_uuid(), "
                    "'queue.probe', 1, '{}', 3, now() + interval '9 min' from generate_series(1, 1100)")
    house.hint(slug)
    wait_for(lambda: house.in_redis() >= 1000)
    job = enqueue(house, "test.exercise", slug)
    wait_for_state(house, job, "succeeded", slug)
    house.migrate("tenant", "delete", slug, f"--confirm={slug}")
    wait_for(lambda: house.in_redis() == 0)


def test_what_waits_for_long_waits_in_its_database(house, workers):
    """Its row says when it is due; Redis, which has no room for a day's retries, need not know of it until then."""
    workers()
    job = enqueue(house, "queue.probe", "acme", {}, "--run-at", soon(3))
    house.sql("acme", f"update jobs set run_at = now() + interval '1 hour' where id = '{job}'")
    wait_for(lambda: house.in_redis() == 0)
    assert column(house, job, "state, attempt") == "0|0"
    house.sql("acme", f"update jobs set run_at = now() + interval '2 seconds' where id = '{job}'")
    house.hint("acme")  # as the next sweep does
    wait_for_state(house, job, "succeeded")
    assert_succeeded_at_once(house, job)


def soon(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def test_a_full_redis_takes_no_work_away(house, workers):
    """Requests are answered, since the row is what counts; what could not be pushed runs once there is room again."""
    workers()
    running = begin(house, effect=True, before=5000)
    person = exporting(house)
    used = int(redis_cli(house, "info", "memory").split("used_memory:")[1].split()[0])
    redis_cli(house, "config", "set", "maxmemory", str(used // 2))
    try:
        exported = ask_for_export(person)
        told = WorkerCli(house, "enqueue", "queue.probe", "--tenant", "acme")
        assert told.status == 0 and "it will be found in the database" in told.stderr
        stranded = told.stdout.strip()
        wait_for_state(house, running, "succeeded")
        assert [state(house, job) for job in (exported, stranded)] == ["waiting"] * 2
    finally:
        redis_cli(house, "config", "set", "maxmemory", "0")
    for job in (exported, stranded):  # the API goes on hinting at the tenant: both are found
        wait_for_state(house, job, "succeeded", seconds=90)
    assert_succeeded_at_once(house, running, exported, stranded)


def test_redis_becomes_read_only(house, workers):
    """As after a failover: who is connected to it now has a replica."""
    workers()
    running = begin(house, effect=True, before=5000)
    person = exporting(house)
    redis_cli(house, "replicaof", "127.0.0.1", "1")
    try:
        job = ask_for_export(person)
        wait_for_state(house, running, "succeeded")
        assert state(house, job) == "waiting"
    finally:
        redis_cli(house, "replicaof", "no", "one")
    wait_for_state(house, job, "succeeded", seconds=90)
    assert_succeeded_at_once(house, running, job)
    assert effects(house, running) == 1


def test_a_job_is_cancelled_after_its_worker_died(house, workers):
    """Its row still says that it runs, and Redis has it wait for another worker: that one ends the row."""
    job = enqueue(house, "test.long", "acme", {"effect": True})
    house.sql("acme", f"update jobs set state = 1, fence = fence + 1, attempt = 1, started_at = now() where id = '{job}'")
    assert WorkerCli(house, "jobs", "cancel", "--tenant", "acme", job).status == 0
    redis_cli(house, "del", "bh:q:hints")  # nobody looks for it
    workers()
    wait_for_state(house, job, "cancelled")
    assert effects(house, job) == 0


def test_exports_that_are_asked_for_at_once(house, workers):
    """Five of a user are under way at a time, however many requests come together."""
    person = exporting(house)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: person.post("/api/exports", {"kind": "tasks", "format": "csv"}), range(20)))
    assert sorted(answer.status for answer in answers) == [202] * 5 + [409] * 15
    workers()
    for answer in answers:
        if answer.status == 202:
            wait_for_state(house, answer.json["id"], "succeeded")


# ---- PostgreSQL

@pytest.mark.parametrize("when", [{"before": 8000}, {"after": 8000}], ids=["before it writes", "after it has written"])
def test_postgres_goes_away_mid_job(house, workers, when):
    """No attempt is lost: neither by a write that fails nor by an end that cannot be written."""
    workers()
    job = begin(house, effect=True, **when)
    past = float(column(house, job, "extract(epoch from started_at)")) + 9
    house.kill_postgres()
    time.sleep(max(0.0, past - time.time()))  # until after its next step
    house.start_postgres()
    wait_for(lambda: state(house, job) == "succeeded", 60)
    assert_succeeded_at_once(house, job)
    assert effects(house, job) == 1


def test_what_cuts_itself_off_each_time_fails_in_the_end(house, workers):
    """A job whose connection always breaks is not tried for ever, though no failure of its own is seen."""
    workers()
    job = enqueue(house, "test.exercise", "acme", {"effect": True, "after": 600_000})
    house.sql("acme", f"update jobs set lost = 10, attempt = 2 where id = '{job}'")
    end = time.monotonic() + 90
    while state(house, job) != "failed":
        if house.number("acme", "select count(*) from pg_locks where relation = 'exercise_effects'::regclass"):
            house.cut_off("acme")
        assert time.monotonic() < end, column(house, job, "state, attempt, lost, errors")
        time.sleep(0.2)
    assert effects(house, job) == 0 and column(house, job, "attempt") == "3"


# ---- Tenants

def test_a_deleted_tenant(house, workers):
    """Its jobs leave Redis, nobody goes on trying; undeleted, it finds them in its database."""
    slug = unique("gone")
    house.create_tenant(slug)
    jobs = [enqueue(house, "queue.probe", slug) for _ in range(3)]
    later = enqueue(house, "queue.probe", slug, {}, "--run-at", "2100-01-01T00:00:00Z")
    house.migrate("tenant", "delete", slug, f"--confirm={slug}")
    running = workers()
    wait_for(lambda: house.in_redis() == 0, 60)
    begun = sum_of(running, "bulkhead_jobs_total")
    time.sleep(5)
    assert sum_of(running, "bulkhead_jobs_total") == begun and house.in_redis() == 0
    house.migrate("tenant", "undelete", slug)
    for job in jobs:
        wait_for_state(house, job, "succeeded", slug, seconds=60)
    assert_succeeded_at_once(house, *jobs, tenant=slug)
    assert state(house, later, slug) == "waiting"


def sum_of(worker, metric):
    """Of jobs whose kind is queue.probe."""
    seen, outcomes = Metrics(worker.ops), ("succeeded", "retried", "failed", "postponed", "returned", "void", "lost")
    return sum(seen(metric, kind="queue.probe", outcome=outcome) or 0 for outcome in outcomes)


def test_jobs_of_a_suspended_tenant_begin_when_it_is_back(house, workers):
    job = enqueue(house, "queue.probe", "default")
    house.migrate("tenant", "suspend", "default")
    running = workers()
    wait_for(lambda: Metrics(running.ops)("bulkhead_jobs_total", kind="queue.probe", outcome="postponed"))
    assert column(house, job, "state, attempt", "default") == "0|0"
    house.migrate("tenant", "resume", "default")
    wait_for_state(house, job, "succeeded", "default", seconds=90)
    assert_succeeded_at_once(house, job, tenant="default")


# ---- Handlers

def test_kinds_and_payloads_of_a_newer_version_wait_for_it(house, workers):
    """What this worker does not know is released, not failed; a worker that knows it runs it."""
    old = workers(ENVIRONMENT="development")
    unknown = enqueue(house, "test.exercise", "acme", {"effect": True})
    house.sql("acme", "create or replace function newer() returns trigger language plpgsql as $$ begin "
                      "new.version = 99; return new; end $$; "
                      "create trigger newer before insert on jobs for each row execute function newer()")
    newer = enqueue(house, "queue.probe")
    house.sql("acme", "drop trigger newer on jobs")
    wait_for(lambda: Metrics(old.ops)("bulkhead_jobs_total", kind="queue.probe", outcome="returned"))
    wait_for(lambda: "delayed" in WorkerCli(house, "jobs", "explain", "--tenant", "acme", unknown).stdout)
    assert [column(house, job, "state, attempt, errors") for job in (unknown, newer)] == ["0|0|[]"] * 2
    workers()
    assert old.stop() == 0
    house.sql("acme", f"update jobs set version = 1 where id = '{newer}'")  # as if it were the new worker's
    for job in (unknown, newer):
        wait_for_state(house, job, "succeeded", seconds=90)
    assert_succeeded_at_once(house, unknown, newer)


def test_a_long_job_keeps_its_lease(house, workers):
    """Longer than two leases, with another worker that would take it: it runs once."""
    first, second = workers(), workers()
    job = enqueue(house, "test.long", "acme", {"effect": True, "before": 35_000})
    wait_for_state(house, job, "succeeded", seconds=90)
    assert_succeeded_at_once(house, job)
    assert effects(house, job) == 1 and column(house, job, "lost, fence") == "0|1"
    for each in (first, second):
        assert Metrics(each.ops)("bulkhead_jobs_rescued_total") == Metrics(each.ops)("bulkhead_jobs_leases_lost_total") == 0


def test_a_job_that_kills_its_workers_is_buried(house):
    """The others, whose workers it takes along, are done, each once."""
    with kept_running(house) as deaths:
        poison = enqueue(house, "test.exercise", "acme", {"effect": True, "end": "crash"})
        others = [enqueue(house, "test.exercise", "acme", {"effect": True, "before": 300 * n}) for n in range(6)]
        wait_for_state(house, poison, "failed", seconds=300)
        for job in others:
            wait_for_state(house, job, "succeeded", seconds=200)
        seen = len(deaths)
        last = enqueue(house, "queue.probe")
        wait_for_state(house, last, "succeeded")
    assert deaths[:seen] == [-signal.SIGKILL] * 4
    assert effects(house, poison) == 0 and [effects(house, job) for job in others] == [1] * 6
    assert json.loads(column(house, poison, "errors"))[-1]["reason"] == "workers died with it"
    assert_succeeded_at_once(house, *others, last)
    wait_for(lambda: house.in_redis() == 0)


def test_what_runs_beside_a_job_that_kills_its_workers(house):
    """It takes 20 s, and its worker dies with it again and again: it is not what the workers die of, and gets its turn."""
    beside = enqueue(house, "test.long", "acme", {"effect": True, "before": 20_000})
    poison = enqueue(house, "test.exercise", "acme", {"effect": True, "before": 1000, "end": "crash"})
    with kept_running(house, 1):
        wait_for_state(house, beside, "succeeded", seconds=300)
        wait_for_state(house, poison, "failed", seconds=300)
    assert_succeeded_at_once(house, beside)
    assert effects(house, beside) == 1 and int(column(house, beside, "lost")) >= 1
    wait_for(lambda: house.in_redis() == 0)


def limit_memory(worker, mib):
    now = int(next(line for line in open(f"/proc/{worker.process.pid}/status") if line.startswith("VmSize:")).split()[1])
    resource.prlimit(worker.process.pid, resource.RLIMIT_AS, ((now << 10) + (mib << 20),) * 2)


def test_a_job_that_wants_more_memory_than_there_is(house, workers):
    """It fails like any other; the worker, and what else runs there, go on."""
    worker = workers()
    warm = enqueue(house, "queue.probe")
    wait_for_state(house, warm, "succeeded")
    limit_memory(worker, 300)
    beside = enqueue(house, "test.exercise", "acme", {"effect": True, "before": 3000})
    job = enqueue(house, "test.exercise", "acme", {"hog": 2000})
    wait_for_state(house, job, "failed")
    wait_for_state(house, beside, "succeeded")
    assert [each["reason"] for each in json.loads(column(house, job, "errors"))] == ["internal error"] * 3
    assert_succeeded_at_once(house, beside)
    assert worker.process.poll() is None and effects(house, beside) == 1


def test_jobs_that_leak(house):
    """Those for which nothing is left fail; should the worker die of it, it is started again. All end, none twice."""
    def begin_limited(**settings):
        worker = begin(**settings)
        with contextlib.suppress(OSError, StopIteration):
            worker.wait_until_ready(worker.ops)
            limit_memory(worker, 700)
        return worker

    begin = house.begin_worker
    house.begin_worker = begin_limited
    try:
        with kept_running(house, 1):
            jobs = [enqueue(house, "test.exercise", "acme", {"effect": True, "hog": 200, "leak": True}) for _ in range(5)]
            for job in jobs:
                wait_for(lambda: state(house, job) in ("succeeded", "failed"), 200)
            probe = enqueue(house, "queue.probe")
            wait_for_state(house, probe, "succeeded", seconds=90)
    finally:
        house.begin_worker = begin
    assert all(effects(house, job) == (state(house, job) == "succeeded") for job in jobs)
    assert {state(house, job) for job in jobs} == {"succeeded", "failed"}


# ---- The end of a worker

def test_a_stop_with_fifty_jobs(house, workers):
    """Some have the time to end, some do not, some do not listen: each is done once, here or elsewhere."""
    first = workers(WORKER_CONCURRENCY="critical=4,default=80,bulk=4", SHUTDOWN_TIMEOUT="6s", WORKER_THREADS="2")
    jobs = insert_long(house, [(300 * n, False) for n in range(20)] + [(10_000, False)] * 20 + [(10_000, True)] * 10)
    of_them = f"from jobs where id = any('{{{','.join(jobs)}}}')"
    house.hint("acme")
    wait_for(lambda: house.number("acme", f"select count(*) {of_them} and state >= 1") == 50)
    asked = time.monotonic()
    first.process.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0, first.output[-3000:]
    took = time.monotonic() - asked
    assert took < 20  # 6 s where nothing else keeps the machine busy
    left = house.number("acme", f"select count(*) {of_them} and state = 0")
    assert left >= 30 and house.number("acme", f"select count(*) {of_them} and state = 2") == 50 - left
    workers(WORKER_CONCURRENCY="critical=4,default=80,bulk=4")
    wait_for(lambda: house.number("acme", f"select count(*) {of_them} and state = 2") == 50, 120)
    assert house.sql("acme", f"select attempt, lost, count(*) {of_them} group by 1, 2").strip() == "1|0|50"
    assert house.sql("acme", "select n, count(*) from (select count(*) n from exercise_effects where job in "
                             f"(select id {of_them}) group by job) counts group by n").strip() == "1|50"


def insert_long(house, pauses):
    """Jobs of acme that wait so many ms, and whether they are deaf meanwhile; in one transaction, without telling Redis."""
    payloads = [json.dumps({"effect": True, "before": before, "deaf": deaf}) for before, deaf in pauses]
    rows = ", ".join(f"(gen_random_uuid(), 'test.long', 1, '{payload}', 3)" for payload in payloads)
    return house.sql("acme", f"insert into jobs (id, kind, lane, payload, most_attempts) values {rows} returning id").split()


def test_everything_is_in_order_after_all_that(house, workers):
    workers()
    house.expect_sound()
