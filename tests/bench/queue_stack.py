# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the queue share: servers that keep what they are told (Redis: appendonly, everysec, noeviction;
PostgreSQL: fsync), the queues of others as packages of npm and Debian, and Bulkhead's own as bulkhead-queue-bench."""
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

from bench_stack import BIN, ROOT, BenchStack, say, wait_for

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"
PROGRAM = BIN / "bulkhead-queue-bench"
PATIENCE = 900  # seconds, for one measurement


class QueueStack(BenchStack):
    """The servers of one run. Everybody finds them empty: see `clean`."""

    def __init__(self, folder):
        super().__init__(folder)
        # A rewrite of the log in the middle of somebody's turn would be his bad luck: it is done between the turns.
        self.redis("config", "set", "appendonly", "yes", "appendfsync", "everysec", "maxmemory-policy", "noeviction",
                   "auto-aof-rewrite-percentage", "0")
        self.settle_redis()
        self.set_postgres(fsync="on", full_page_writes="on", shared_buffers="256MB", max_wal_size="4GB")

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


def report(command, environment, cwd=None):
    """Runs a driver; the line of JSON that it prints last."""
    command = [*map(str, command)]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


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
        folder = npm_folder()
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": stack.env["REDIS_URL"], "CONNECTIONS": str(connections),
                       "NODE_ENV": "production", "NO_LOG_SUCCESS": "1"}
        command = ["node", "drive.mjs", self.module, verb, *spelled(options | (self.extra if verb == "drain" else {}))]
        if not self.on_database:
            return report(command, environment, folder)
        with stack.database(f"peer_{self.module}") as url:
            return report(command, environment | {"DATABASE_URL": url}, folder)


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

class Bulkhead:
    """One class of jobs, r (kept in Redis) or d (a row in the tenant's database), spread over some tenants."""

    def __init__(self, name, kept, tenants):
        self.name, self.kept, self.tenants = name, kept, tenants

    def missing(self):
        return "" if PROGRAM.exists() else f"{PROGRAM} is missing: build it, or name a folder by BULKHEAD_BIN"

    def run(self, stack, connections, verb, **options):
        slugs = ready_tenants(stack, self.tenants)
        environment = stack.env | {"DB_POOL_MAX": str(connections), "LOG_LEVEL": "warn"}
        return report([PROGRAM, verb, *spelled(options | {"kept": self.kept, "tenants": ",".join(slugs)})], environment)


def ready_tenants(stack, count):
    """Slugs of tenants with databases; made once, at the first call, and without jobs at each."""
    made = stack.__dict__.setdefault("bench_tenants", [])
    if not made:
        stack.migrate("up")
    while len(made) < count:
        stack.create_tenant(f"bench-{len(made)}")
        made.append(f"bench-{len(made)}")
    for slug in made:
        stack.sql(slug, "truncate jobs cascade")
    return made[:count]


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


def in_turns(turns, contestants):
    """(turn, contestant), each turn beginning with another one: nobody always comes after the same neighbour."""
    for turn in range(turns):
        for i in range(len(contestants)):
            yield turn, contestants[(i + turn) % len(contestants)]
