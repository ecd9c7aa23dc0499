# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks that bring their own servers share: the stack of the end to end tests with settings of one's
own, many tenants, and a look at a process from outside."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("BULKHEAD_BIN", str(ROOT / "build" / "release" / "bin"))
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from api_client import Api, PASSWORD  # noqa: E402
from conftest import BIN, ReservedPort, Stack  # noqa: E402,F401
from fast_client import Pipe, encode  # noqa: E402
from programs import wait_for  # noqa: E402,F401


def need(*commands):
    for command in commands:
        if not shutil.which(command):
            sys.exit(f"this benchmark needs {command}")
    for program in ("bulkhead-api", "bulkhead-migrator"):
        if not (BIN / program).exists():
            sys.exit(f"{BIN / program} is missing: build the preset release, or name a folder by BULKHEAD_BIN")


def say(text):
    print(text, file=sys.stderr, flush=True)


os.environ["PRIVATE_SERVERS_ON_DISK"] = "1"  # a thousand databases are gigabytes, and a real disk is to be measured


class BenchStack(Stack):
    """Servers without tenants and programs; `launch_api` starts one API."""

    def psql(self, statement):
        """Runs it in the control database, as the superuser; its output."""
        command = ["psql", "-XAtqv", "ON_ERROR_STOP=1", self.env["DATABASE_URL"]]
        return subprocess.run(command, input=statement, check=True, text=True, capture_output=True).stdout

    def set_postgres(self, **settings):
        """Takes effect by a restart."""
        for name, value in settings.items():
            self.psql(f"alter system set {name} = '{value}'")
        self.stop_postgres()
        self.start_postgres()

    def launch_api(self, **settings):
        api = self.launch("bulkhead-api", OPS_PORT=str(self.ports[1].number), LOG_LEVEL="warn", **settings)
        api.wait_until_ready(self.url)
        return api

    def stop(self):
        self.kill_postgres()  # all is thrown away: no need to write it down first
        problems = [problem for service in self.services if (problem := service.stop())]
        self.servers.process.stdin.close()
        self.servers.process.wait(900)  # a thousand databases are 300 000 files to remove
        if problems:
            raise RuntimeError("\n".join(problems))

    def end(self, service):
        self.services.remove(service)
        problem = service.stop()
        if problem:
            raise RuntimeError(problem)

    def postgres_log(self):
        return (self.home / "postgres.log").read_text(errors="replace")

    @property
    def home(self):
        """Where the private servers keep their data: the working directory of PostgreSQL tells."""
        if not hasattr(self, "_home"):
            self._home = pathlib.Path(self.psql("show data_directory").strip()).parent
        return self._home

    def postgres_pid(self):
        return int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])


@contextlib.contextmanager
def bench_stack(**settings):
    """A stack with a migrated control database; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        stack = BenchStack(pathlib.Path(folder))
        try:
            stack.env |= {"JWT_ACCESS_TTL": "12h", **settings}
            stack.migrate("up")
            yield stack
        finally:
            stack.stop()


def in_parallel(work, items, threads):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


# ---- People and their tasks -----------------------------------------------------------------------------------------

def settle(stack, slug, tasks):
    """A user of the tenant with so many tasks: (token, ids of the tasks)."""
    person = json.dumps({"email": f"bench@{slug}.example.com", "password": PASSWORD, "name": "Bench"}).encode()
    api = Api(stack.url)
    with Pipe(api.host, api.port) as pipe:
        [(status, _, body)] = pipe.exchange([encode("POST", "/api/auth/signup", body=person, headers=[("X-Tenant-ID", slug)])])
        assert status == 201, body
        token = json.loads(body)["access_token"]
        made = pipe.exchange([encode("POST", "/api/tasks", token, json.dumps({
            "title": f"Task {n} of {slug}", "description": "something to do"}).encode()) for n in range(tasks)])
        assert all(status == 201 for status, _, _ in made), made
    return token, [json.loads(body)["id"] for _, _, body in made]


# ---- Looking at processes -------------------------------------------------------------------------------------------

def resident(pid):
    """Bytes of memory now, and at most so far."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024 for name in ("VmRSS", "VmHWM"))


def cpu_seconds(pid):
    """Of the process, and of its children that have ended and been waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own / os.sysconf("SC_CLK_TCK"), children / os.sysconf("SC_CLK_TCK")


def postgres_cpu(postmaster):
    """All of the server's processes, those that have ended included."""
    total = sum(cpu_seconds(postmaster))
    children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
            total += cpu_seconds(child)[0]
    return total


class Connections:
    """Watches pg_stat_activity twice a second: `most` client backends, of which `most_api` are the API's."""

    def __init__(self, stack):
        query = ("select count(*), count(*) filter (where application_name like 'bulkhead-api%') "
                 "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
        self.most = self.most_api = 0
        self.process = subprocess.Popen(["psql", "-XAtq", stack.env["DATABASE_URL"]], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdin.write(f"{query} \\watch 0.5\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            if found := re.fullmatch(r"(\d+)\|(\d+)\n", line):
                self.most = max(self.most, int(found[1]))
                self.most_api = max(self.most_api, int(found[2]))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()


def sessions(stack):
    """Connections that clients have opened to any database so far."""
    return int(stack.psql("select sum(sessions) from pg_stat_database"))


def backends(stack):
    """Connections that the API has open now."""
    return int(stack.psql("select count(*) from pg_stat_activity where application_name like 'bulkhead-api%'"))


# ---- What is told ---------------------------------------------------------------------------------------------------

def shown(value):
    if isinstance(value, dict):
        return ",".join(f"{k}:{v}" for k, v in value.items()) or "0"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


class Verdict:
    def __init__(self):
        self.good = True

    def tell(self, name, value, limit, good):
        self.good = self.good and good
        print(f"{'ok  ' if good else 'MISS'}  {name}: {shown(value)} ({limit})", flush=True)
