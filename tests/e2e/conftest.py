# SPDX-License-Identifier: Apache-2.0
"""A whole Bulkhead for the tests of a session: private PostgreSQL and Redis, the migrated control database, the tenants
"default" and "acme", one API and one worker. The programs come from $BULKHEAD_BIN. Everything ends with pytest, also when
that is killed; a program that does not end with status 0, or that a sanitizer complains of, fails the session."""
import base64
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

from api_client import Api
from programs import ADDRESS, Program, free_port

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = pathlib.Path(os.environ.get("BULKHEAD_BIN", ROOT / "build" / "dev" / "bin"))
PATIENCE = 120  # seconds, for what takes one or two: sanitizers and a busy machine included
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w*Sanitizer|runtime error:")
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1", "TSAN_OPTIONS": "exitcode=99:second_deadlock_stack=1",
                     "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1"}


class ReservedPort:
    """A free port that nobody else is given as long as this lives. The bound socket does not listen, so that a program
    that sets SO_REUSEADDR can bind the port too. Merely looking for a free one is not enough: the API's listeners share
    ports (SO_REUSEPORT), and two test sessions with the same one would not notice."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]


class Servers:
    """PostgreSQL and Redis, from infra/scripts/private-servers, which obeys lines on its stdin and ends with it."""

    def __init__(self):
        self.process = subprocess.Popen([ROOT / "infra/scripts/private-servers", "run"], bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.received = b""
        lines = iter(self._line, "READY")
        self.env = dict(line.split("=", 1) for line in lines)

    def _line(self):
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.received:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            assert ready, "the private servers do not answer"
            piece = os.read(self.process.stdout.fileno(), 4096)
            assert piece, "the private servers ended; their messages are above"
            self.received += piece
        line, self.received = self.received.split(b"\n", 1)
        return line.decode()

    def command(self, line):
        self.process.stdin.write(f"{line}\n".encode())
        assert self._line() == "ok", line

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class Service:
    """The API or the worker, with its log in a file."""

    def __init__(self, binary, environment, log):
        self.name, self.log = binary.name, log
        # The program dies with the thread that starts it, which is pytest's only one then.
        with open(log, "wb") as output:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", binary], env=environment, cwd=log.parent,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def tail(self):
        return f"{self.name}, the end of its log:\n{self.log.read_text(errors='replace')[-4000:]}"

    def wait_until_ready(self, url):
        api, end = Api(url), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, f"ended with status {self.process.returncode}. {self.tail()}"
            try:
                if api.get("/health/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {PATIENCE} s. {self.tail()}")

    def stop(self):
        """What is wrong with how it ended; empty when nothing is."""
        early = self.process.poll() is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "none, it had to be killed"
        if early or status != 0 or SANITIZER_REPORT.search(self.log.read_text(errors="replace")):
            return f"{'ended before it was told to, ' if early else ''}exit status {status}. {self.tail()}"
        return ""


class Stack:
    """url, ops_url, worker_ops_url: where it listens. env: the environment of the programs. bin: their folder."""

    def __init__(self, folder):
        self.bin, self.folder, self.services, self.launched = BIN, folder, [], 0
        self.servers = Servers()
        self.ports = [ReservedPort() for _ in range(3)]
        self.url, self.ops_url, self.worker_ops_url = (f"http://127.0.0.1:{port.number}" for port in self.ports)
        self.env = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self.servers.env,
            "ENVIRONMENT": "test", "BIND_ADDRESS": "127.0.0.1", "PORT": str(self.ports[0].number), "API_THREADS": "2",
            "JWT_SECRET": secrets.token_urlsafe(32), "DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "PLATFORM_ADMIN_TOKEN": secrets.token_urlsafe(32), "PASSWORD_HASH": "bcrypt:4", "DEFAULT_TENANT": "default",
            "RATE_LIMIT": "off", "RATE_LIMIT_AUTH": "off", "LOG_FORMAT": "json",
            "STORAGE_URL": f"file://{folder}/storage",
            **{name: f"{value}:{os.environ.get(name, '')}" for name, value in SANITIZER_OPTIONS.items()}}

    def start(self):
        self.migrate("up")
        self.migrate("tenant", "create", "default", "--if-absent")
        self.create_tenant("acme")
        api = self.launch("bulkhead-api", OPS_PORT=str(self.ports[1].number))
        worker = self.launch("bulkhead-worker", OPS_PORT=str(self.ports[2].number))
        api.wait_until_ready(self.url)
        worker.wait_until_ready(self.worker_ops_url)

    def launch(self, program, **settings):
        assert (self.bin / program).exists(), f"{self.bin / program} is missing; BULKHEAD_BIN names the folder"
        log = self.folder / f"{program}-{self.launched}.log"
        self.launched += 1
        self.services.append(Service(self.bin / program, self.env | settings, log))
        return self.services[-1]

    def stop_worker(self):
        """Ends the stack's own worker, if it still runs; nothing starts it again."""
        for service in [each for each in self.services if each.name == "bulkhead-worker"]:
            self.services.remove(service)
            problem = service.stop()
            assert not problem, problem

    def migrate(self, *arguments):
        """Runs bulkhead-migrator; its stdout."""
        done = subprocess.run([self.bin / "bulkhead-migrator", *arguments], env=self.env, cwd=self.folder, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f"bulkhead-migrator {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def create_tenant(self, slug):
        self.migrate("tenant", "create", slug)

    def launch_another_api(self, **settings):
        """A second API beside the first, on ports of its own; its URL."""
        self.ports += [ReservedPort(), ReservedPort()]
        port, ops_port = (str(each.number) for each in self.ports[-2:])
        url = f"http://127.0.0.1:{port}"
        self.launch("bulkhead-api", PORT=port, OPS_PORT=ops_port, **settings).wait_until_ready(url)
        return url

    def control(self, statement):
        """Runs a statement as the superuser in the control database; its rows, columns separated by "|"."""
        return subprocess.run(["psql", "-XAtqc", statement, self.env["DATABASE_URL"]], check=True, capture_output=True,
                              text=True).stdout.strip()

    def database_url(self, tenant):
        """A tenant's database, as the superuser."""
        database = self.control(f"select database from tenants where slug = '{tenant}'")
        return self.env["DATABASE_URL"].rsplit("/", 1)[0] + "/" + database

    def sql(self, tenant, statement):
        """Runs a statement as the superuser in a tenant's database: for states that no route reaches yet. Its output."""
        return subprocess.run(["psql", "-XAtqc", statement, self.database_url(tenant)], check=True, capture_output=True,
                              text=True).stdout

    @contextlib.contextmanager
    def locked_tasks(self, tenant):
        """Nobody can read the tenant's tasks meanwhile."""
        holder = subprocess.Popen(["psql", "-XAtq", self.database_url(tenant)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write("begin; lock table tasks in access exclusive mode; select 'held';\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.communicate(timeout=PATIENCE)

    def api_pid(self):
        """None once it has ended."""
        process = self.services[0].process
        return process.pid if process.poll() is None else None

    # stop is a clean shutdown, kill is SIGKILL; start returns when connections are accepted, on the same port.
    def stop_postgres(self): self.servers.command("postgres stop")
    def kill_postgres(self): self.servers.command("postgres kill")
    def start_postgres(self): self.servers.command("postgres start")
    def stop_redis(self): self.servers.command("redis stop")
    def redis_info(self, section):
        password, port = re.search(r"//:(.*)@[^:]*:(\d+)/", self.env["REDIS_URL"]).groups()
        return subprocess.run(["redis-cli", "-p", port, "info", section], env=os.environ | {"REDISCLI_AUTH": password},
                              check=True, capture_output=True, text=True).stdout

    def redis_pid(self):
        return int(re.search(r"process_id:(\d+)", self.redis_info("server"))[1])

    def kill_redis(self): self.servers.command("redis kill")
    def start_redis(self): self.servers.command("redis start")

    def stop(self):
        problems = [problem for service in self.services if (problem := service.stop())]
        self.servers.stop()
        assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    running = Stack(tmp_path_factory.mktemp("stack"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def api(stack):
    """Requests without a token, to the tenant "default"."""
    return Api(stack.url)


@pytest.fixture(scope="module")
def own_workers(stack):
    """No worker but the tests' own."""
    stack.stop_worker()


@pytest.fixture
def person(api):
    """A user nobody else is."""
    return api.sign_up()


@pytest.fixture(scope="session")
def node_tools():
    """Runs a script of tests/e2e/node. Its packages are installed outside the source tree, once per lockfile."""
    for tool in ("node", "npm"):
        assert shutil.which(tool), f"{tool} is missing; install it: apt-get install nodejs npm"
    lock = (HERE / "node" / "package-lock.json").read_bytes()
    folder = pathlib.Path(os.environ.get("BULKHEAD_E2E_NODE", ROOT / "build" / "e2e-node"))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        stamp, wanted = folder / "installed", hashlib.sha256(lock).hexdigest()
        for name in (HERE / "node").iterdir():
            if name.is_file():
                shutil.copy(name, folder)
        if not stamp.exists() or stamp.read_text() != wanted:
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                                  cwd=folder, capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
            stamp.write_text(wanted)

    def run(script, *arguments, **environment):
        done = subprocess.run(["node", script, *arguments], cwd=folder, capture_output=True, text=True, timeout=200,
                              env=os.environ | environment)
        assert done.returncode == 0, f"{script}:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def launch(stack):
    """launch(NAME=value…): an API of its own that ends with the test; (program, Api). program.ops: (host, port)."""
    running = []

    def begin(**settings):
        port, ops_port = str(free_port()), str(free_port())
        environment = stack.env | {"BIND_ADDRESS": ADDRESS, "PORT": port, "OPS_BIND": ADDRESS, "OPS_PORT": ops_port} | settings
        program = Program(stack.bin / "bulkhead-api", environment=environment)
        running.append(program)
        program.ops = (ADDRESS, int(ops_port))
        return program, program.wait_until_ready(f"http://{ADDRESS}:{port}", 120)

    yield begin
    for program in running:
        program.__exit__()
