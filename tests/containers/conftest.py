# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml in a clean clone of the committed HEAD, as somebody who has just found the project would use it.

COMPOSE           the command of Docker Compose   (default: docker compose)
CONTAINER_ENGINE  the command of the engine       (default: docker)
CONTAINERS_TAG    images with this tag are there already, as a pipeline has built them; else those of HEAD are built
Without an engine every test fails: whoever asks for these tests wants them run."""
import itertools
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = shlex.split(os.environ.get("COMPOSE", "docker compose"))
ENGINE = shlex.split(os.environ.get("CONTAINER_ENGINE", "docker"))
IMAGES = pathlib.Path(__file__).parent / "images"
TAG = os.environ.get("CONTAINERS_TAG", "containers-test")
PATIENCE = 180


def run(*command, check=True, timeout=PATIENCE, **options):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    said = f"{shlex.join(map(str, command))}: status {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    assert not check or done.returncode == 0, said
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.2)
    return seen


class Answer:
    def __init__(self, status, body, headers):
        self.status, self.body, self.headers = status, body, headers

    @property
    def json(self):
        return json.loads(self.body)


def ask(url, body=None, token=None, method=None, timeout=10, **headers):
    """One request; certificates are not checked, since the test made them."""
    trust_all = ssl.create_default_context()
    trust_all.check_hostname, trust_all.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode(), headers={
        "Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {}), **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=trust_all) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.read(), refused.headers)


class Checkout:
    """A clean clone with a project name, a network and ports of its own. Use it as a context: leaving removes everything."""

    numbers = itertools.count(1)

    def __init__(self, folder, **settings):
        self.folder = folder
        number = next(self.numbers)
        self.project = f"bulkhead-test-{os.getpid()}-{number}"
        self.port, self.https = free_port(), free_port()
        run("git", "clone", "-q", SOURCE, folder)
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project, "BULKHEAD_TAG": TAG,
            "BULKHEAD_NETWORK": f"10.{64 + os.getpid() % 128}.{number}",
            "BULKHEAD_PORT": str(self.port), "EDGE_ADDRESS": "127.0.0.1", "EDGE_HTTP_PORT": str(free_port()),
            "EDGE_HTTPS_PORT": str(self.https), "RATE_LIMIT": "off", "RATE_LIMIT_AUTH": "off",
            "COMPOSE": shlex.join(COMPOSE), "CONTAINER_ENGINE": shlex.join(ENGINE), **settings}
        if not run(*COMPOSE, "version", "--short").stdout.startswith("1."):  # which would ask for limits that a kernel has not
            self.env.setdefault("COMPOSE_FILE", "docker-compose.yml:infra/docker/limits.yml")
        self.url, self.edge = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.https}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.compose("--profile", "edge", "--profile", "observability", "down", "-v", "--remove-orphans", "-t", "5",
                     check=False)

    def compose(self, *arguments, **options):
        return run(*COMPOSE, *arguments, cwd=self.folder, env=self.env, **options)

    def up(self, *services, profiles=(), **options):
        return self.compose(*(word for name in profiles for word in ("--profile", name)), "up", "-d", *services, **options)

    def inspect(self, service, template):
        """What the engine says of the newest container of a service; empty when there is none."""
        name = self.compose("--profile", "edge", "ps", "-a", "-q", service, check=False).stdout.split() \
            or self.compose("--profile", "edge", "ps", "-q", service, check=False).stdout.split()
        # It may be gone by now.
        return run(*ENGINE, "inspect", "--format", template, name[-1], check=False).stdout.strip() if name else ""

    def status(self, service):
        """(state, exit status) of a service's container."""
        state, code = self.inspect(service, "{{.State.Status}} {{.State.ExitCode}}").split()
        return state, int(code)

    def logs(self, service):
        done = self.compose("--profile", "edge", "logs", "--no-color", service)
        return done.stdout + done.stderr

    def healthy(self, service):
        program = "bulkhead-worker" if service == "worker" else "bulkhead-api"
        return self.compose("--profile", "edge", "exec", "-T", service, program, "--healthcheck", check=False).returncode == 0

    def kill(self, service):
        """kill -9 of its first process, from outside: the engine has no hand in it."""
        os.kill(int(self.inspect(service, "{{.State.Pid}}")), signal.SIGKILL)

    def secret(self, name):
        return (self.folder / ".secrets" / name).read_text().strip()

    def owner(self, url=None):
        """A token of the owner of the tenant "default"."""
        login = ask(f"{url or self.url}/api/auth/login",
                    {"email": "owner@example.com", "password": self.secret("owner_password")})
        assert login.status == 200, login.body
        return login.json["access_token"]


@pytest.fixture(scope="session", autouse=True)
def images():
    """The three images of HEAD, tagged for the tests, and what stands in for nginx, Prometheus and Redis."""
    for command in (COMPOSE, ENGINE):
        assert shutil.which(command[0]), f"{command[0]} is missing: set COMPOSE and CONTAINER_ENGINE"
    for name, variable in (("nginx", "NGINX_IMAGE"), ("prometheus", "PROMETHEUS_IMAGE"), ("redis", "REDIS_IMAGE")):
        if variable not in os.environ:
            run(*ENGINE, "build", "-t", f"bulkhead-test-{name}:latest", IMAGES / name, timeout=900)
            os.environ[variable] = f"bulkhead-test-{name}:latest"
    if "CONTAINERS_TAG" in os.environ:
        return
    revision = run("git", "rev-parse", "HEAD", cwd=SOURCE).stdout.strip()
    for target in ("api", "worker", "migrator"):
        run(*ENGINE, "build", "-f", "infra/docker/Dockerfile", "--target", target, "--build-arg", f"REVISION={revision}",
            "-t", f"bulkhead-{target}:{TAG}", ".", cwd=SOURCE, timeout=5000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A running stack without profiles."""
    with Checkout(tmp_path_factory.mktemp("checkout") / "bulkhead") as checkout:
        checkout.up(timeout=600)
        yield checkout
