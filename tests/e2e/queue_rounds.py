# SPDX-License-Identifier: Apache-2.0
"""Rounds of the kill matrix of the queue. In each some jobs are wanted, some of them by requests that come to nothing, while
one thing is killed or taken away; then everything is there again, and what has happened must be what was wanted, once."""
import concurrent.futures
import http.client
import json
import random
import signal
import time

from api_client import Api, unique
from conftest import PATIENCE
from metrics_page import Metrics
from programs import wait_for
from queue_house import TENANTS
from worker_stack import WorkerCli, redis_cli

SETTLED = 240  # seconds until all jobs of a round have ended; the third look of a relay comes after two minutes
KIND = "test.long"  # however busy the machine is, no run is too long for it
INSERT = "insert into jobs (id, kind, lane, payload, most_attempts) values"

# The places where a program dies: libs/**/fail_point("…"), "" for any moment.
API_PLACES = ("outbox.after-hint", "outbox.after-insert", "idempotency.before-commit", "idempotency.after-commit",
              "outbox.before-push", "")
WORKER_PLACES = ("queue.after-fetch", "queue.after-claim", "exercise.written", "queue.before-end", "queue.after-commit",
                 "queue.before-failure", "queue.after-failure", "export.after-file", "")
RELAY_PLACES = ("relay.before-push", "relay.after-push")
NOTHING_DONE = ("outbox.after-hint", "outbox.after-insert", "idempotency.before-commit")  # the API dies before it commits
ALL_DONE = ("idempotency.after-commit", "outbox.before-push")


def faults():
    """The name of every fault, and the method of Round that it is."""
    yield from (("api " + (place or "at any moment"), "api_dies", place) for place in API_PLACES)
    yield from (("worker " + (place or "at any moment"), "worker_dies", place) for place in WORKER_PLACES)
    yield from (("relay " + place, "relay_dies", place) for place in RELAY_PLACES)
    yield "round reconcile.spread", "reconciler_dies", "reconcile.spread"
    yield "worker while it stops", "worker_dies_while_it_stops", "queue.after-return"
    yield "worker is told to stop", "worker_stops", ""
    yield "worker is frozen until its leases are gone", "worker_freezes", ""
    yield "command desk.before-push", "command_dies", "desk.before-push"
    yield "redis kill -9", "redis_dies", ""
    yield "redis FLUSHALL", "redis_forgets", ""
    yield "connections to PostgreSQL are cut", "postgres_cuts_off", ""


def jobs_of(worker):
    """How many it runs."""
    return Metrics(worker.ops)("bulkhead_jobs_running", lane="default")


class Figures:
    """What all rounds together have seen."""

    def __init__(self):
        self.rounds, self.jobs, self.undone, self.kills, self.recoveries, self.seconds = 0, 0, 0, 0, [], 0.0

    def __str__(self):
        slowest = f"{max(self.recoveries):.1f} s" if self.recoveries else "none was needed"
        return (f"{self.rounds} rounds in {self.seconds:.0f} s, {self.kills} processes killed, {self.jobs} jobs done, "
                f"{self.undone} that were never committed; longest way back after the death of a worker: {slowest}")


class Round:
    def __init__(self, house, number, seed, figures):
        self.house, self.figures, self.number = house, figures, number
        self.random = random.Random(f"{seed}-{number}")
        self.wanted = {}      # job: its tenant, for what was promised
        self.unwanted = {}    # job: its tenant, for what never was
        self.of_users = []    # user, how many jobs there must be of theirs: None when nobody can say
        self.died = None      # when a worker did

    # ---- What is wanted

    def payload(self, **more):
        pauses = {"before": self.random.randrange(600), "after": self.random.randrange(600)}
        twice = {"end": "fail", "until_attempt": 2} if self.random.random() < 0.2 else {}
        return {"effect": True} | pauses | twice | more

    def by_command(self, **more):
        tenant = self.random.choice(TENANTS)
        done = WorkerCli(self.house, "enqueue", KIND, "--tenant", tenant, "--payload", json.dumps(self.payload(**more)))
        if done.status == 0:
            self.wanted[done.stdout.strip()] = tenant
        else:  # what it tried may be there or not
            assert "cannot be reached" in done.stderr or "may or may not" in done.stderr, done.stderr

    def by_transaction(self, count=6, commit=True, **more):
        """As by an API that dies before it pushes, or before it commits."""
        tenant = self.random.choice(TENANTS)
        jobs = [f"{self.random.getrandbits(128):032x}" for _ in range(count)]
        jobs = [f"{j[:8]}-{j[8:12]}-7{j[13:16]}-8{j[17:20]}-{j[20:]}" for j in jobs]
        rows = ", ".join(f"('{job}', '{KIND}', 1, '{json.dumps(self.payload(**more))}', 3)" for job in jobs)
        try:
            self.house.hint(tenant, 1)
        except Exception:  # noqa: Redis is away: then those who sweep find them
            if commit:
                return
        self.house.sql(tenant, f"begin; {INSERT} {rows}; {'commit' if commit else 'rollback'}")
        (self.wanted if commit else self.unwanted).update(dict.fromkeys(jobs, tenant))

    def by_request(self, url=None, sure=True):
        """Two exports of somebody, the first asked for twice. `sure`: the API lives on. The ids that it gave."""
        asking = Api(self.house.url, tenant="acme").sign_up(f"{unique('k')}-{self.number}@example.com")
        person = asking if url is None else Api(url, token=asking.token, tenant="acme")
        key = {"Idempotency-Key": json.dumps(unique(f"key-{self.number}"))}
        answers = []
        try:
            for headers in (key, key, {}):
                answer = person.post("/api/exports", {"kind": "tasks", "format": "ndjson"}, headers=headers)
                assert answer.status in (202, 503), answer
                sure = sure and answer.status == 202
                answers += [answer.json["id"]] if answer.status == 202 else []
        except (OSError, http.client.HTTPException):
            assert not sure
        self.wanted.update(dict.fromkeys(answers, "acme"))
        self.of_users.append((asking.user["id"], 2 if sure else None))
        return answers

    def want_some(self):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            tasks = [pool.submit(self.by_command) for _ in range(self.random.randint(1, 2))]
            tasks += [pool.submit(self.by_transaction), pool.submit(self.by_transaction, 3, False)]
            tasks += [pool.submit(self.by_request)]
            for task in tasks:
                task.result()

    # ---- What goes wrong

    def alive(self):
        return [worker for worker in self.house.workers if worker.process.poll() is None]

    def some_time(self, most=2.5):
        time.sleep(self.random.random() * most)

    def killed(self, program):
        assert program.wait(PATIENCE) == -signal.SIGKILL, program.output[-3000:]
        self.figures.kills += 1

    def api_dies(self, place):
        with self.house.another_api(**({"BULKHEAD_FAIL_POINT": place} if place else {})) as doomed:
            self.want_some()
            if not place:
                with concurrent.futures.ThreadPoolExecutor(3) as pool:
                    asked = [pool.submit(self.by_request, doomed.url, False) for _ in range(3)]
                    self.some_time(0.3)
                    doomed.process.kill()
                    for one in asked:
                        one.result()
            else:
                answers = self.by_request(doomed.url, sure=False)
                user, _ = self.of_users.pop()
                assert not answers or place == "outbox.before-push", (place, answers)
                self.of_users.append((user, 0 if place in NOTHING_DONE else max(1, len(set(answers)))))
            self.killed(doomed)

    def doomed_alone(self, place, **settings):
        """A worker that is to die at a place, and has all the work: the others are stopped."""
        doomed = self.house.start_worker(BULKHEAD_FAIL_POINT=place, **settings)
        for other in self.alive():
            if other is not doomed:
                other.process.send_signal(signal.SIGSTOP)
        return doomed

    def go_on(self):
        for worker in self.alive():
            worker.process.send_signal(signal.SIGCONT)

    def worker_dies(self, place):
        if not place:
            doomed = self.random.choice(self.alive())
            self.want_some()
            self.some_time(1)
            doomed.process.kill()
        else:
            count = "" if place.startswith("export") else f":{self.random.randint(1, 3)}"
            doomed = self.doomed_alone(place + count)
            self.want_some()
            if place.endswith("failure"):
                for _ in range(3):
                    self.by_command(end="fail", until_attempt=2)
        self.killed(doomed)
        self.died = time.time()

    def relay_dies(self, place):
        doomed = self.doomed_alone(place)
        self.want_some()
        self.killed(doomed)  # its hints come back after 30 s

    def reconciler_dies(self, place):
        doomed = self.doomed_alone(place)
        self.want_some()
        redis_cli(self.house, "flushall")
        self.killed(doomed)

    def worker_dies_while_it_stops(self, place):
        doomed = self.doomed_alone(place, SHUTDOWN_TIMEOUT="2s")
        self.want_some()
        self.by_transaction(1, before=8000)
        wait_for(lambda: jobs_of(doomed) and self.running_long())
        doomed.process.send_signal(signal.SIGTERM)
        self.killed(doomed)
        self.died = time.time()

    def worker_stops(self, _):
        stopping = self.random.choice(self.alive())
        self.want_some()
        self.some_time(1)
        assert stopping.stop() == 0, stopping.output[-3000:]

    def worker_freezes(self, _):
        """It takes up where it was when others have its jobs already: it must not end them again."""
        self.want_some()
        self.by_transaction(8, before=3000, after=0, deaf=True)
        frozen = wait_for(lambda: next((each for each in self.alive() if jobs_of(each) >= 4), None))
        frozen.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(16, 20))

    def command_dies(self, place):
        done = WorkerCli(self.house, "enqueue", KIND, "--tenant", "acme", "--payload", json.dumps(self.payload()),
                   BULKHEAD_FAIL_POINT=place)
        assert done.status == -signal.SIGKILL, done.stderr
        self.figures.kills += 1
        self.want_some()

    def redis_dies(self, _):
        self.want_some()
        self.some_time(1)
        self.house.kill_redis()
        self.figures.kills += 1
        self.by_request()  # the row is what counts
        self.some_time(1)
        self.house.start_redis()

    def redis_forgets(self, _):
        self.want_some()
        for _ in range(self.random.randint(1, 3)):
            self.some_time(1)
            redis_cli(self.house, "flushall")

    def postgres_cuts_off(self, _):
        self.want_some()
        for _ in range(self.random.randint(1, 3)):
            self.some_time(1)
            for tenant in TENANTS:
                self.house.cut_off(tenant)

    # ---- What must be true in the end

    def running_long(self):
        """Whether one runs that is far from its end."""
        return any(self.house.number(tenant, "select count(*) from jobs where state = 1 and payload like '%8000%' "
                                             "and started_at > now() - interval '4 s'") for tenant in TENANTS)

    def open_jobs(self):
        return [row for tenant in TENANTS for row in self.house.sql(
            tenant, "select kind, id, state, attempt, lost, payload, errors from jobs where state < 2").splitlines()]

    def run(self, method, place):
        begun = time.monotonic()
        while len(self.alive()) < 2:
            self.house.start_worker()
        try:
            getattr(self, method)(place)
        finally:
            self.go_on()
        self.wait_until_settled()
        self.check()
        self.figures.rounds += 1
        self.figures.seconds += time.monotonic() - begun

    def wait_until_settled(self):
        end = time.monotonic() + SETTLED
        while left := self.open_jobs():
            assert time.monotonic() < end, "\n".join(left)
            time.sleep(0.1)

    def check(self):
        """The effects are those of the jobs that were committed, of each one. No kill has cost an attempt."""
        for tenant in TENANTS:
            wrong = self.house.sql(tenant, """
                select 'not done as wanted', id, kind, state, attempt, errors from jobs
                    where kind like 'test.%' and (state <> 2 or attempt <> case when payload like '%"end"%' then 2 else 1 end)
                    or kind like 'export.%' and (state <> 2 or attempt <> 1)
                union all select 'not once', j.id, kind, state, (select count(*) from exercise_effects e where e.job = j.id),
                    errors from jobs j where kind like 'test.%' and 1 <> (
                    select count(*) from exercise_effects e where e.job = j.id)
                union all select 'no file', j.id, kind, state, attempt, errors from jobs j where user_id is not null
                    and not exists (select from exports e where e.id = j.id)
                union all select 'effect of nothing', job, '', 0, 0, null from exercise_effects e
                    where not exists (select from jobs j where j.id = e.job)""")
            assert wrong == "", wrong
            there = set(self.house.sql(tenant, "select id from jobs").split())
            assert {job for job, of in self.wanted.items() if of == tenant} <= there
            assert not {job for job, of in self.unwanted.items() if of == tenant} & there
        for user, count in self.of_users:
            found = self.house.number("acme", f"select count(*) from jobs where user_id = '{user}'")
            assert count is None or found == count, (user, found, count)
        self.figures.undone += len(self.unwanted) + sum(count == 0 for _, count in self.of_users)
        self.figures.jobs = sum(self.house.number(tenant, "select count(*) from jobs") for tenant in TENANTS)
        if self.died:
            self.figures.recoveries.append(self.recovery())
            assert self.figures.recoveries[-1] < 40  # 16 by design, where nothing else keeps the machine busy

    def recovery(self):
        """How long it took until all that ran in a worker when it died was begun again."""
        late = [float(value) for tenant in TENANTS for value in self.house.sql(
            tenant, f"select coalesce(max(extract(epoch from started_at)) - {self.died}, 0) from jobs "
                    f"where created_at < to_timestamp({self.died}) and lost > 0").split()]
        return max(late)
