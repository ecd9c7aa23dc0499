# SPDX-License-Identifier: Apache-2.0
"""The programs and a Redis that speaks TLS only, with a user and a password."""
import json
import socket
import subprocess
import time

import pytest

from api_client import Api
from programs import ADDRESS, Program, free_port, wait_for

LOOPBACK = "127.0.0.1"  # what localhost means
SERVERS = ["bulkhead-api", "bulkhead-worker"]
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]


def openssl(*arguments):
    subprocess.run(["openssl", "req", "-x509", *NEW_KEY, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """(port, file of the authority that signed its certificate, which is for the name localhost)"""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    authority = folder / "ca.crt"
    openssl("-subj", "/CN=test authority", "-keyout", folder / "ca.key", "-out", authority)
    openssl("-CA", authority, "-CAkey", folder / "ca.key", "-subj", "/CN=test server", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", folder / "server.key", "-out", folder / "server.crt")
    command = ["setpriv", "--pdeathsig", "KILL", "redis-server", "--bind", LOOPBACK, "--port", "0", "--tls-port", str(port),
               "--tls-cert-file", folder / "server.crt", "--tls-key-file", folder / "server.key", "--tls-ca-cert-file",
               authority, "--tls-auth-clients", "no", "--save", "", "--dir", folder,
               "--user", "default", "off", "--user", "app", "on", ">hush", "~*", "&*", "+@all"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    break
            time.sleep(0.02)
        yield port, authority
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def start(stack):
    """start(program, NAME=value…): the program and the address of its operator's port."""
    running = []

    def begin(program, **changes):
        ops = free_port()
        ports = {"BIND_ADDRESS": ADDRESS, "PORT": str(free_port()), "OPS_BIND": ADDRESS, "OPS_PORT": str(ops)}
        running.append(Program(stack.bin / program, environment=stack.env | ports | changes))
        url = f"http://{ADDRESS}:{ops}"
        running[-1].wait_until_ready(url)
        return running[-1], Api(url)

    yield begin
    for program in running:
        program.__exit__()


@pytest.mark.parametrize("program", SERVERS)
def test_redis_is_reached_over_tls(start, redis, program):
    port, authority = redis
    run, ops = start(program, REDIS_URL=f"rediss://app:hush@localhost:{port}/0", REDIS_TLS_CA_FILE=str(authority))
    wait_for(lambda: ops.get("/health").json["redis"] == "connected", what=lambda: run.output)


@pytest.mark.parametrize("host, trusted, reason", [("localhost", False, "self-signed"), (LOOPBACK, True, "mismatch")])
def test_a_server_that_cannot_be_trusted_is_refused_and_the_log_says_why(start, redis, host, trusted, reason):
    port, authority = redis
    trust = {"REDIS_TLS_CA_FILE": str(authority)} if trusted else {}
    run, ops = start("bulkhead-worker", REDIS_URL=f"rediss://app:hush@{host}:{port}/0", **trust)

    def complaints():
        lines = [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]
        return [line for line in lines if "redis: cannot connect" in json.dumps(line)]

    wait_for(complaints, what=lambda: run.output)
    assert "its certificate is not to be trusted" in json.dumps(complaints()[0]) and reason in json.dumps(complaints()[0])
    assert ops.get("/health").json["redis"] == "disconnected"
    assert "hush" not in run.output
