# SPDX-License-Identifier: Apache-2.0
"""The worker runs jobs once, whatever becomes of it: killed, stopped, without PostgreSQL or Redis, with jobs that misbehave.
Each test has a worker of its own; the stack's is told to end first."""
import json
import signal
import time

import pytest

from api_client import Api
from metrics_page import Metrics
from programs import wait_for
from worker_stack import (WorkerCli, column, effects, enqueue, make_effects_table, redis_cli, state, wait_for_state, worker)

RECOVERY = 40  # seconds after a kill -9: generous; 16 where nothing else keeps the machine busy


@pytest.fixture(scope="module", autouse=True)
def effects_table(stack, own_workers):
    make_effects_table(stack)


def errors(stack, job):
    return [each["reason"] for each in json.loads(column(stack, job, "errors"))]


def begin(stack, **payload):
    """A job that runs; another one if it was over before anybody looked."""
    for _ in range(5):
        job = enqueue(stack, "test.exercise", "acme", payload)
        wait_for(lambda: state(stack, job) != "waiting")
        if column(stack, job, "state = 1 and attempt = 1") == "t":
            return job
    raise AssertionError("no job was seen while it ran")


def test_effects_and_ends_are_one_transaction(stack):
    with worker(stack):
        good = enqueue(stack, "test.exercise", "acme", {"effect": True})
        bad = enqueue(stack, "test.exercise", "acme", {"effect": True, "end": "give_up"})
        twice = enqueue(stack, "test.exercise", "acme", {"effect": True, "end": "fail", "until_attempt": 2})
        wait_for_state(stack, good, "succeeded")
        wait_for_state(stack, bad, "failed")
        wait_for_state(stack, twice, "succeeded")
    assert [effects(stack, job) for job in (good, bad, twice)] == [1, 0, 1]
    assert errors(stack, bad) == ["told to give up"] and errors(stack, twice) == ["told to fail"]
    assert column(stack, twice, "attempt") == "2"


def test_failures_are_repeated_as_often_as_the_kind_allows(stack):
    with worker(stack) as running:
        job = enqueue(stack, "test.exercise", "acme", {"end": "fail"})
        thrown = enqueue(stack, "test.exercise", "acme", {"end": "exception"})
        wait_for_state(stack, job, "failed")
        wait_for_state(stack, thrown, "failed")
        seen = Metrics(running.ops)
        assert seen("bulkhead_jobs_total", kind="test.exercise", outcome="retried") == 4
        assert seen("bulkhead_jobs_total", kind="test.exercise", outcome="failed") == 2
        assert seen("bulkhead_jobs_exceptions_total") == 3
    assert column(stack, job, "attempt") == "3" and errors(stack, job) == ["told to fail"] * 3
    assert errors(stack, thrown) == ["internal error"] * 3


@pytest.mark.parametrize("point", ["queue.after-fetch", "queue.after-claim", "queue.before-end", "queue.after-commit"])
def test_a_worker_that_is_killed_is_followed_by_another(stack, point):
    job = enqueue(stack, "test.exercise", "acme", {"effect": True})
    with worker(stack) as other:
        wait_for_state(stack, job, "succeeded")  # the queue is empty and warm
        with worker(stack, BULKHEAD_FAIL_POINT=point, WORKER_THREADS="1") as first:
            other.process.send_signal(signal.SIGSTOP)
            try:
                job = enqueue(stack, "test.exercise", "acme", {"effect": True})
                first.process.wait(60)
                died = time.time()
            finally:
                other.process.send_signal(signal.SIGCONT)
            wait_for_state(stack, job, "succeeded", seconds=120)
            assert float(column(stack, job, "extract(epoch from started_at)")) - died < RECOVERY
    assert first.process.returncode == -signal.SIGKILL
    assert effects(stack, job) == 1 and column(stack, job, "attempt") == "1"


def test_a_stop_lets_jobs_finish(stack):
    with worker(stack) as running:
        jobs = [begin(stack, effect=True, before=4000) for _ in range(3)]
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    assert [state(stack, job) for job in jobs] == ["succeeded"] * 3
    assert [effects(stack, job) for job in jobs] == [1] * 3


def test_a_stop_gives_running_jobs_back(stack):
    """One that obeys and one that does not: neither has lost an attempt, and the next worker runs them."""
    with worker(stack, SHUTDOWN_TIMEOUT="4s") as running:
        jobs = [enqueue(stack, "test.long", "acme", {"effect": True, pause: 60_000, "deaf": deaf})
                for pause in ("before", "after") for deaf in (False, True)]
        for job in jobs:
            wait_for_state(stack, job, "running")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    for job in jobs:
        assert column(stack, job, "state, attempt, lost, errors") == "0|0|0|[]" and effects(stack, job) == 0
        stack.sql("acme", f"update jobs set payload = '{{\"effect\":true}}' where id = '{job}'")
    with worker(stack):
        for job in jobs:
            wait_for_state(stack, job, "succeeded")
    assert [effects(stack, job) for job in jobs] == [1] * 4
    assert [column(stack, job, "attempt") for job in jobs] == ["1"] * 4


def test_a_running_job_is_cancelled(stack):
    """Its worker hears of it; nobody waits for a run that holds its row."""
    with worker(stack):
        waiting, writing = (enqueue(stack, "test.long", "acme", {"effect": True, pause: 300_000})
                            for pause in ("before", "after"))
        wait_for_state(stack, waiting, "running")
        wait_for(lambda: int(stack.sql("acme", "select count(*) from pg_locks where relation = 'exercise_effects'::regclass")))
        for job in (waiting, writing):
            done = WorkerCli(stack, "jobs", "cancel", "--tenant", "acme", job)
            assert done.status == 0 and done.stdout.strip() == job, done.stderr
        for job in (waiting, writing):
            wait_for_state(stack, job, "cancelled")
            assert effects(stack, job) == 0 and column(stack, job, "attempt") == "1"


def test_a_job_is_cancelled_though_its_worker_dies(stack):
    """The run held its row, so that only Redis has heard of it."""
    with worker(stack) as first:
        job = enqueue(stack, "test.long", "acme", {"effect": True, "after": 300_000})
        wait_for(lambda: int(stack.sql("acme", "select count(*) from pg_locks where relation = 'exercise_effects'::regclass")))
        first.process.send_signal(signal.SIGSTOP)
        assert WorkerCli(stack, "jobs", "cancel", "--tenant", "acme", job).status == 0
        first.process.kill()
    with worker(stack):
        wait_for_state(stack, job, "cancelled", seconds=RECOVERY)
    assert effects(stack, job) == 0


def test_a_job_that_takes_too_long_is_stopped_and_one_that_hangs_given_up(stack):
    with worker(stack) as running:
        slow = enqueue(stack, "test.exercise", "acme", {"effect": True, "after": 60_000})
        hung = enqueue(stack, "test.exercise", "acme", {"effect": True, "after": 25_000, "deaf": True})
        wait_for(lambda: errors(stack, slow) and errors(stack, hung), 60)
        assert errors(stack, slow)[0] == errors(stack, hung)[0] == "it took longer than 10s"
        assert effects(stack, slow) == effects(stack, hung) == 0
        assert Metrics(running.ops)("bulkhead_jobs_abandoned_total") >= 1
        for job in (slow, hung):
            stack.sql("acme", f"update jobs set state = 4, fence = fence + 1, finished_at = now() where id = '{job}'")


def test_a_busy_handler_does_not_starve_the_others(stack):
    """It keeps one reactor for 25 s; the other job of that reactor is not taken for lost."""
    with worker(stack, WORKER_THREADS="2") as running:
        spinning = begin(stack, end="spin")
        jobs = [enqueue(stack, "queue.probe") for _ in range(5)]
        for job in jobs:
            wait_for_state(stack, job, "succeeded", seconds=20)
        assert Metrics(running.ops)("bulkhead_jobs_leases_lost_total") == 0
        assert Api(running.ops).get("/health/ready").status == 200
        stack.sql("acme", f"update jobs set state = 4, fence = fence + 1, finished_at = now() where id = '{spinning}'")


def test_a_suspended_tenant_waits(stack):
    """Its jobs are not run, and lose no attempt."""
    job = enqueue(stack, "queue.probe")
    stack.control("update tenants set status = 'suspended' where slug = 'acme'")
    try:
        with worker(stack) as running:
            wait_for(lambda: Metrics(running.ops)("bulkhead_jobs_total", kind="queue.probe", outcome="postponed") >= 1)
            assert state(stack, job) == "waiting" and column(stack, job, "attempt") == "0"
            stack.control("update tenants set status = 'active' where slug = 'acme'")
            wait_for_state(stack, job, "succeeded", seconds=90)
    finally:
        stack.control("update tenants set status = 'active' where slug = 'acme'")
    assert column(stack, job, "attempt") == "1"


def test_redis_comes_back_empty(stack):
    """What Redis knew is gone; what ran ends, and what is made afterwards runs."""
    with worker(stack):
        job = begin(stack, effect=True, before=6000)
        stack.kill_redis()
        stack.start_redis()
        later = enqueue(stack, "queue.probe")
        wait_for_state(stack, later, "succeeded")
        wait_for_state(stack, job, "succeeded")
    assert effects(stack, job) == 1


def test_a_full_redis_takes_no_work_away(stack):
    with worker(stack):
        used = int(redis_cli(stack, "info", "memory").split("used_memory:")[1].split()[0])
        redis_cli(stack, "config", "set", "maxmemory", str(used // 2))
        try:
            job = enqueue(stack, "queue.probe")
            assert state(stack, job) == "waiting"
        finally:
            redis_cli(stack, "config", "set", "maxmemory", "0")
        pushed = WorkerCli(stack, "jobs", "explain", "--tenant", "acme", job)
        assert pushed.status == 0
        fresh = enqueue(stack, "queue.probe")
        wait_for_state(stack, fresh, "succeeded")


def test_postgres_goes_away_mid_job(stack):
    with worker(stack):
        job = begin(stack, effect=True, after=6000)
        stack.kill_postgres()
        stack.start_postgres()
        wait_for(lambda: state(stack, job) == "succeeded", 60)
    assert effects(stack, job) == 1 and column(stack, job, "attempt") == "1"


def test_what_was_missed_is_made_up_for_once_by_many_workers(stack):
    tenant = stack.control("select id from tenants where slug = 'acme'")
    made = lambda: stack.sql("acme", "select count(*), count(*) filter (where state = 2) from jobs "
                                     "where kind = 'queue.retention'").strip()

    def look():
        redis_cli(stack, "zadd", "bh:q:cron:due", "1", tenant)
        wait_for(lambda: float(redis_cli(stack, "zscore", "bh:q:cron:due", tenant)) > (time.time() + 60) * 1000)

    stack.sql("acme", "delete from jobs where kind = 'queue.retention'; delete from job_schedules")
    with worker(stack), worker(stack):
        old, young = enqueue(stack, "queue.probe"), enqueue(stack, "queue.probe")
        wait_for_state(stack, old, "succeeded")
        wait_for_state(stack, young, "succeeded")
        stack.sql("acme", f"update jobs set finished_at = now() - interval '8 days' where id = '{old}'")
        look()
        assert made() == "0|0"  # a schedule begins when it is met first
        stack.sql("acme", "update job_schedules set last_slot = now() - interval '3 days'")
        look()
        wait_for(lambda: made() == "1|1")
        look()
        assert made() == "1|1"
        # A clock that was a year ahead has left its mark: both places mend themselves.
        stack.sql("acme", "update job_schedules set last_slot = now() + interval '1 year'")
        look()
        assert stack.sql("acme", "select count(*) from job_schedules where last_slot > now()").strip() == "0"
        redis_cli(stack, "zadd", "bh:q:cron:due", f"{(time.time() + 365 * 86400) * 1000:.0f}", tenant)
        wait_for(lambda: float(redis_cli(stack, "zscore", "bh:q:cron:due", tenant)) < (time.time() + 3 * 86400) * 1000)
    assert state(stack, old) is None and state(stack, young) == "succeeded"
