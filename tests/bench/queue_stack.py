# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the queue share: servers that keep what they are told (Redis: appendonly, everysec, noeviction;
PostgreSQL: fsync), the queues of others as packages of npm and Debian, and Bulkhead's own: bulkhead-queue-load enqueues
through libs/queue, bulkhead-bench-worker is bulkhead-worker with jobs that do nothing (queue_load.cpp, queue_worker.cpp)."""
import collections
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench_stack import BIN, ROOT, BenchStack, ReservedPort, cpu_seconds, postgres_cpu, say, wait_for

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"
LOAD, WORKER = BIN / "bulkhead-queue-load", BIN / "bulkhead-bench-worker"
PATIENCE = 900  # seconds, for one measurement


class QueueStack(BenchStack):
    """The servers of one run. Everybody finds them empty: see `clean`."""

    def __init__(self, folder):
        super().__init__(folder)
        # A rewrite of the log in the middle of somebody's turn would be his bad luck: it is done between the turns.
        self.redis("config", "set", "appendonly", "yes", "appendfsync", "everysec", "maxmemory-policy", "noeviction",
                   "auto-aof-rewrite-percentage", "0")
        self.settle_redis()
        self.set_postgres(fsync="on", full_page_writes="on", shared_buffers="256MB", max_wal_size="4GB",
                          max_connections="400")

    def redis(self, *command):
        """redis-cli; its output."""
        password, port = re.search(r"//:(.*)@[^:]*:(\d+)/", self.env["REDIS_URL"]).groups()
        done = subprocess.run(["redis-cli", "-p", port, *map(str, command)], env=os.environ | {"REDISCLI_AUTH": password},
                              check=True, capture_output=True, text=True)
        if done.stdout.startswith(("ERR", "(error)", "NOAUTH")):
            raise RuntimeError(f"redis: {command}: {done.stdout}")
        return done.stdout

    def redis_number(self, section, name):
        return int(re.search(rf"^{name}:(\d+)", self.redis("info", section), re.M)[1])

    def settle_redis(self):
        wait_for(lambda: not self.redis_number("persistence", "aof_rewrite_in_progress"))
        if "aof_last_bgrewrite_status:ok" not in self.redis("info", "persistence"):
            raise RuntimeError("Redis cannot rewrite its log")

    def clean(self):
        """Redis is empty, and so is its log; PostgreSQL has nothing left to write from earlier."""
        self.redis("flushall")
        self.redis("bgrewriteaof")
        self.settle_redis()
        self.psql("checkpoint")

    def server_cpu(self, league):
        """Seconds of processor time that Redis, or PostgreSQL, has used so far."""
        if league == "postgres":
            return postgres_cpu(self.postgres_pid())
        return sum(float(used) for used in re.findall(r"^used_cpu_(?:user|sys):([0-9.]+)", self.redis("info", "cpu"), re.M))

    @contextlib.contextmanager
    def database(self, name):
        """A new one; its URL."""
        self.psql(f"create database {name}")
        try:
            yield self.env["DATABASE_URL"].rsplit("/", 1)[0] + "/" + name
        finally:
            self.psql(f"drop database {name} with (force)")


@contextlib.contextmanager
def queue_stack():
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        stack = QueueStack(pathlib.Path(folder))
        try:
            yield stack
        finally:
            stack.stop()


class Report:
    """A driver under way."""

    def __init__(self, command, environment, cwd=None):
        self.command = [*map(str, command)]
        self.process = subprocess.Popen(self.command, env=environment, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_until_ready(self):
        """It says so on stderr."""
        if self.process.stderr.readline() != "ready\n":
            self.result()

    def result(self):
        """The line of JSON that it prints last."""
        try:
            out, problems = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, problems = self.process.communicate()
        if self.process.returncode != 0:
            what = " ".join(self.command)
            raise RuntimeError(f"{what}: status {self.process.returncode}\n{out[-2000:]}{problems[-2000:]}")
        return json.loads(out.splitlines()[-1])


def report(command, environment, cwd=None):
    return Report(command, environment, cwd).result()


def spelled(options):
    return [f"{name}={value}" for name, value in options.items()]


# ---- The queues of others -------------------------------------------------------------------------------------------

def npm_folder():
    """Where the packages of peers/package-lock.json are, installed outside the source tree, once per lockfile."""
    folder = pathlib.Path(os.environ.get("BULKHEAD_BENCH_NODE", ROOT / "build" / "bench-node"))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for name in PEERS.iterdir():
            if name.is_file():
                shutil.copy(name, folder)
        stamp, wanted = folder / "installed", hashlib.sha256((PEERS / "package-lock.json").read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            say("npm ci …")
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                                  cwd=folder, capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                sys.exit(f"npm ci failed:\n{done.stdout}{done.stderr}")
            stamp.write_text(wanted)
    return folder


class NpmPeer:
    def __init__(self, name, module, database, **extra):
        self.name, self.module, self.on_database, self.extra = name, module, database, extra

    def missing(self):
        absent = [tool for tool in ("node", "npm") if not shutil.which(tool)]
        return f"{' and '.join(absent)} not installed: apt-get install nodejs npm" if absent else ""

    def run(self, stack, connections, verb, **options):
        if not self.on_database:
            return self.start(stack, verb, **options).result()
        with stack.database(f"peer_{self.module}") as url:
            return self.start(stack, verb, {"DATABASE_URL": url, "CONNECTIONS": str(connections)}, **options).result()

    def start(self, stack, verb, more=(), **options):
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": stack.env["REDIS_URL"], "NODE_ENV": "production",
                       "NO_LOG_SUCCESS": "1", **dict(more)}
        options |= self.extra if verb == "drain" else {}
        return Report(["node", "drive.mjs", self.module, verb, *spelled(options)], environment, npm_folder())


class Sidekiq:
    name = "sidekiq"

    def missing(self):
        if shutil.which("ruby") and subprocess.run(["ruby", "-e", "require 'sidekiq'"], capture_output=True).returncode == 0:
            return ""
        return "not installed: apt-get install --no-install-recommends ruby-sidekiq"

    def run(self, stack, _connections, verb, **options):
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "REDIS_URL": stack.env["REDIS_URL"]}
        return report(["ruby", PEERS / "sidekiq.rb", verb, *spelled(options)], environment)


# ---- Bulkhead -------------------------------------------------------------------------------------------------------

Event = collections.namedtuple("Event", "word n at now attempt process")  # see queue_worker.cpp


class Worker:
    """bulkhead-bench-worker; ends with the block it is made for."""

    def __init__(self, stack, path, jobs=None, **settings):
        self.path, self.ended = path, False
        self.port = ReservedPort()
        environment = stack.env | {"LOG_LEVEL": "warn", "BENCH_RECORD": str(path), "OPS_PORT": str(self.port.number)} | settings
        if jobs:
            environment["BENCH_JOBS"] = str(jobs)
        self.log = open(path.with_suffix(".log"), "ab")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", WORKER], env=environment, cwd=path.parent,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if not self.ended:
            self.process.terminate()
            status = self.process.wait(120)
            if status != 0 and kind is None:
                log = self.path.with_suffix(".log").read_text(errors="replace")
                raise RuntimeError(f"bulkhead-bench-worker ended with status {status}:\n{log[-2000:]}")
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.ended = True

    def record(self):
        """What has begun and ended so far, of all workers with this file."""
        if not self.path.exists():
            return []
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [Event(word, *map(int, rest)) for word, *rest in lines if len(rest) == 5]

    def summary(self):
        """Of a worker that has ended, and was told how many jobs there are."""
        return json.loads(self.path.read_text())


class Site:
    """Tenants of one stack, and the programs that work for them."""

    def __init__(self, stack, connections=20):
        for program in (LOAD, WORKER):
            if not program.exists():
                sys.exit(f"{program} is missing: build it (target {program.name}), or name a folder by BULKHEAD_BIN")
        self.stack, self.connections, self.made, self.records = stack, connections, [], 0
        stack.migrate("up")

    def tenants(self, count):
        """(id, database URL) of tenants with databases; made once."""
        while len(self.made) < count:
            slug = f"bench-{len(self.made)}"
            self.stack.create_tenant(slug)
            row = self.stack.control(f"select id from tenants where slug = '{slug}'")
            self.made.append((row, self.stack.database_url(slug)))
        return self.made[:count]

    def clean(self):
        """No jobs anywhere."""
        for _, url in self.made:
            subprocess.run(["psql", "-XAtqc", "truncate jobs cascade", url], check=True, capture_output=True)
        self.stack.clean()

    def _environment(self, tenants):
        return self.stack.env | {"CONNECTIONS": str(self.connections),
                                 "BENCH_TENANTS": " ".join(f"{id_}={url}" for id_, url in tenants)}

    def load(self, verb, tenants, **options):
        return report([LOAD, verb, *spelled(options)], self._environment(tenants))

    def wait_until_done(self, kept):
        """Nothing waits or runs any more; when that was, in us since 1970."""
        return self.load("wait", self.made, kept=kept)["at"]

    def start_waiting(self, kept):
        return Report([LOAD, "wait", f"kept={kept}"], self._environment(self.made))

    def worker(self, concurrency=16, record=None, jobs=None, **settings):
        """So many of the benchmarks' jobs at a time: other lanes have nothing to lend them."""
        settings["WORKER_CONCURRENCY"] = f"critical=0,default={concurrency},bulk=0"
        self.records += 1
        path = record or self.stack.folder / f"record-{self.records}"
        return Worker(self.stack, path, jobs, DB_POOL_MAX=str(self.connections), **settings)


class Bulkhead:
    """One class of jobs, r (kept in Redis) or d (a row in the tenant's database), spread over some tenants."""

    def __init__(self, name, kept, tenants):
        self.name, self.kept, self.tenants = name, kept, tenants

    def missing(self):
        absent = [str(program) for program in (LOAD, WORKER) if not program.exists()]
        return f"{' and '.join(absent)} missing: build the targets, or name a folder by BULKHEAD_BIN" if absent else ""

    def run(self, stack, connections, verb, n, concurrency=0, **options):
        site = stack.__dict__.setdefault("bench_site", None) or Site(stack, connections)
        stack.bench_site = site
        tenants = site.tenants(self.tenants)
        site.clean()
        if verb == "push":
            return site.load("push", tenants, kept=self.kept, n=n, warm=1, **options)
        return self.drain(site, tenants, n, concurrency)

    def drain(self, site, tenants, n, concurrency):
        """From the first job's start until Redis and the databases know of none that is not done."""
        pushing = site.load("push", tenants, kept=self.kept, n=n, bulk=500, calls=4, cap=1000)["cpu_seconds"]
        waiting = site.start_waiting(self.kept)
        with site.worker(concurrency, jobs=n) as worker:
            done = waiting.result()["at"]
            cpu = sum(cpu_seconds(worker.process.pid))
        got = worker.summary()
        if got["missing"] or got["again"] or got["strange"]:
            raise RuntimeError(f"{self.name}: not every job ran once: {got}")
        seconds = (max(done, got["last"]) - got["first"]) / 1e6
        return {"jobs": n, "seconds": seconds, "per_second": n / seconds, "cpu_seconds": pushing + cpu}


# ---- Figures --------------------------------------------------------------------------------------------------------

class Figures:
    """Of one contestant in one part: a number a turn."""

    def __init__(self):
        self.all = []

    def add(self, value):
        self.all.append(value)

    @property
    def median(self):
        return statistics.median(self.all)

    def __str__(self):
        return f"{self.median:>10,.0f}   {min(self.all):>10,.0f} …{max(self.all):>10,.0f}"


def quantiles(waits):
    """Of sorted milliseconds, as words."""
    names = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    shown = [f"{name} {waits[min(len(waits) - 1, int(len(waits) * part))]:.1f} ms" for name, part in names.items()]
    return " ".join([*shown, f"max {waits[-1]:.1f} ms"])


def in_turns(turns, contestants):
    """(turn, contestant), each turn beginning with another one: nobody always comes after the same neighbour."""
    for turn in range(turns):
        for i in range(len(contestants)):
            yield turn, contestants[(i + turn) % len(contestants)]
