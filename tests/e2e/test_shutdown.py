# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: what was under way is finished, nobody is left without an answer, and the process ends with status 0; with
what a service manager and a balancer hear of it meanwhile."""
import json
import signal
import socket
import ssl
import subprocess
import time

import pytest

from api_client import Api
from busy_clients import Busy, login_of_nobody, tasks_and_probes
from conftest import ReservedPort
from fast_client import Pipe, encode
from programs import Program, free_port, wait_for

PATIENCE = 60


@pytest.fixture
def another(stack):
    """Starts a second API; the test ends it. Gives (Api, Service)."""
    started = []

    def start(**settings):
        url = stack.launch_another_api(**settings)
        started.append(stack.services.pop())
        return Api(url), started[-1]
    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def lines(service, message):
    found = (json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in found if line["message"] == message]


@pytest.mark.parametrize("attempt", range(3))
def test_sigterm_under_load_loses_nothing(another, person, attempt):
    api, service = another(PASSWORD_HASH="bcrypt:10")
    with Busy((api.host, api.port), tasks_and_probes(person.token), login_of_nobody()) as clients:
        wait_for(lambda: clients.total() > 200 + 100 * attempt)
        before = clients.total()
        service.process.send_signal(signal.SIGTERM)
    assert clients.lost == []
    assert service.process.wait(PATIENCE) == 0
    assert clients.total() > before
    assert clients.closed_politely > 0
    assert set(clients.answered) <= {200, 201, 401, 404, 503}, clients.answered
    assert not lines(service, "request cut")


@pytest.mark.parametrize("program", ["api", "worker"])
def test_sigterm_while_it_waits_for_its_database(stack, program):
    """At once, whatever is left of the many attempts; and not with the default of the signal, which the first process of a
    container does not have."""
    settings = {"DATABASE_URL": f"postgresql://bulkhead:x@127.0.0.1:{free_port()}/bulkhead", "DB_CONNECT_RETRIES": "100",
                "PORT": str(free_port()), "OPS_PORT": str(free_port())}
    with Program(stack.bin / f"bulkhead-{program}", environment=stack.env | settings) as waiting:
        wait_for(lambda: "the database does not answer" in waiting.output)
        assert waiting.stop(seconds=PATIENCE) == 0


def test_sigterm_under_load_loses_nothing_over_tls(stack, person, tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    ports = [ReservedPort(), ReservedPort()]
    service = stack.launch("bulkhead-api", PORT=str(ports[0].number), OPS_PORT=str(ports[1].number),
                           TLS_CERT_FILE=str(certificate), TLS_KEY_FILE=str(key))
    stack.services.remove(service)
    try:
        service.wait_until_ready(f"http://127.0.0.1:{ports[1].number}")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with Busy(("127.0.0.1", ports[0].number), tasks_and_probes(person.token), tls=context) as clients:
            wait_for(lambda: clients.total() > 200)
            service.process.send_signal(signal.SIGTERM)
        assert clients.lost == []
        assert service.process.wait(PATIENCE) == 0
    finally:
        service.process.kill()
        service.process.wait()


def test_not_ready_first_and_still_serving_during_the_delay(another):
    api, service = another(SHUTDOWN_DRAIN_DELAY="3s")
    with Pipe(api.host, api.port) as kept:
        assert kept.exchange([encode("GET", "/health/live")])[0][0] == 200
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: api.get("/health/ready").status == 503)
        assert api.get("/health/live").status == 200  # a new connection
        assert kept.exchange([encode("GET", "/health/live")])[0][0] == 200
        assert service.process.poll() is None
    assert service.process.wait(PATIENCE) == 0


def test_an_idle_connection_is_closed_at_once_and_a_slow_request_finishes(another, person):
    api, service = another(PASSWORD_HASH="bcrypt:12")
    with Pipe(api.host, api.port) as idle, Pipe(api.host, api.port) as busy:
        for pipe in (idle, busy):
            assert pipe.exchange([encode("GET", "/health/live")])[0][0] == 200
        time.sleep(0.3)  # more than limits::quiet_before_close: it is idle in every sense
        busy.socket.sendall(login_of_nobody() + encode("GET", "/health/live"))
        wait_for(lambda: any(each["phase"] == "serving" for each in debug_requests(service)))
        service.process.send_signal(signal.SIGTERM)
        assert idle.socket.recv(1) == b""
        answers = []
        while piece := busy.socket.recv(65536):
            answers += busy.answers.feed(piece)
    assert [status for status, _, _ in answers] == [401, 200]
    assert b"connection: close" in answers[-1][1].lower()
    assert service.process.wait(PATIENCE) == 0


def test_what_takes_longer_than_the_timeout_is_cut_and_logged(another):
    api, service = another(SHUTDOWN_TIMEOUT="300ms")
    with Pipe(api.host, api.port) as pipe:
        pipe.socket.sendall(b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nX-Request-ID: cut-me\r\n"
                            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        wait_for(lambda: any(each["id"] == "cut-me" for each in debug_requests(service)))
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < PATIENCE / 2
    cut = lines(service, "request cut")
    assert [(each["request_id"], each["route"], each["phase"]) for each in cut] == [("cut-me", "/api/auth/login", "body")]


def debug_requests(service):
    port = wait_for(lambda: lines(service, "listening"))[0]["ops_port"]  # a line is written a little later
    return Api(f"http://127.0.0.1:{port}").get("/debug/requests").json["requests"]


def test_a_second_signal_ends_it_at_once(another):
    api, service = another(SHUTDOWN_DRAIN_DELAY="60s")
    service.process.send_signal(signal.SIGTERM)
    wait_for(lambda: api.get("/health/ready").status == 503)
    service.process.send_signal(signal.SIGHUP)  # is not a reason to end
    assert api.get("/health/live").status == 200
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(PATIENCE) == 1


class Manager:
    """The end of the socket that systemd holds."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        self.socket.settimeout(PATIENCE)

    def hear(self, first):
        """The next message that begins like this, as a dictionary; those before are dropped."""
        while True:
            message = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if first in message:
                return message


def test_the_service_manager_hears_of_everything(another, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    _, service = another(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="1000000")
    assert "listening" in manager.hear("READY")["STATUS"]
    assert manager.hear("WATCHDOG") == {"WATCHDOG": "1"}
    service.process.send_signal(signal.SIGHUP)
    before = time.monotonic_ns() // 1000
    assert 0 < int(manager.hear("RELOADING")["MONOTONIC_USEC"]) <= before + PATIENCE * 1_000_000
    assert manager.hear("READY")["READY"] == "1"
    service.process.send_signal(signal.SIGTERM)
    assert int(manager.hear("STOPPING")["EXTEND_TIMEOUT_USEC"]) >= 30_000_000
    assert service.process.wait(PATIENCE) == 0


def test_the_worker_tells_it_too(stack):
    manager = Manager(f"@bulkhead-test-{stack.ports[0].number}")
    port = ReservedPort()
    worker = stack.launch("bulkhead-worker", OPS_PORT=str(port.number), NOTIFY_SOCKET=manager.name)
    stack.services.remove(worker)
    try:
        assert "listening" in manager.hear("READY")["STATUS"]
        worker.process.send_signal(signal.SIGTERM)
        assert manager.hear("STOPPING")["STOPPING"] == "1"
        assert worker.process.wait(PATIENCE) == 0
    finally:
        worker.process.kill()
        worker.process.wait()
