# SPDX-License-Identifier: Apache-2.0
"""How the programs start, refuse to start, and stop."""
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from api_client import PASSWORD, Api, statuses
from programs import ADDRESS, Program, free_port

PROGRAMS = ["bulkhead-api", "bulkhead-worker", "bulkhead-migrator"]
SERVERS = ["bulkhead-api", "bulkhead-worker"]
EX_CONFIG = 78


@pytest.fixture
def settings(stack):
    """A complete environment with ports of its own."""
    return {"DATABASE_URL": stack.env["DATABASE_URL"], "REDIS_URL": stack.env["REDIS_URL"],
            "JWT_SECRET": stack.env["JWT_SECRET"], "BIND_ADDRESS": ADDRESS, "PORT": str(free_port()),
            "OPS_BIND": ADDRESS, "OPS_PORT": str(free_port()), "ENVIRONMENT": "test",
            "PASSWORD_HASH": "bcrypt:4", "API_THREADS": "2"} \
        | {name: stack.env[name] for name in ("DATA_KEY", "STORAGE_URL") if name in stack.env}


@pytest.fixture
def start(stack, settings):
    """start(program, *arguments, NAME=value…): None as a value takes a setting away. All are killed in the end."""
    running = []

    def begin(program, *arguments, **changes):
        environment = {name: value for name, value in (settings | changes).items() if value is not None}
        running.append(Program(stack.bin / program, *arguments, environment=environment))
        return running[-1]

    yield begin
    for program in running:
        program.__exit__()


def url_of(settings, name="PORT"):
    return f"http://{ADDRESS}:{settings[name]}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version_need_no_settings(stack, program):
    for arguments in (["--help"], ["--version"]):
        done = subprocess.run([stack.bin / program, *arguments], env={}, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done
        assert program in done.stdout and done.stderr == ""
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_arguments_are_usage_errors(start, program):
    for arguments in (["--frobnicate"], ["--help-me"], ["serve", "now"]):
        run = start(program, *arguments)
        assert run.wait() == 2
        assert run.stdout == "" and program in run.stderr


@pytest.mark.parametrize("program, missing", [
    ("bulkhead-api", ["DATABASE_URL", "REDIS_URL", "JWT_SECRET"]), ("bulkhead-worker", ["DATABASE_URL", "REDIS_URL"]),
    ("bulkhead-migrator", ["DATABASE_URL"])])
def test_every_missing_setting_is_listed(start, program, missing):
    for arguments in ([], ["--check-config"]) if program in SERVERS else (["status"], ["--check-config"]):
        run = start(program, *arguments, DATABASE_URL=None, REDIS_URL=None, JWT_SECRET=None)
        assert run.wait() == EX_CONFIG
        for name in missing:
            assert len(re.findall(rf"\b{name}\b(?!_)", run.stderr)) >= 1, run.stderr
        assert run.stdout == ""


def test_every_wrong_setting_is_listed_at_once(start):
    wrong = {"DATABASE_URL": "mysql://x", "REDIS_URL": "nonsense", "JWT_SECRET": "tooshort", "PORT": "70000",
             "OPS_PORT": "x", "BIND_ADDRESS": "not an address", "BODY_LIMIT": "11MiB", "JWT_ACCESS_TTL": "soon",
             "ENVIRONMENT": "moon", "LOG_LEVEL": "loud", "PASSWORD_HASH": "md5", "API_THREADS": "-1"}
    for arguments in ([], ["--check-config"]):
        run = start("bulkhead-api", *arguments, **wrong)
        assert run.wait() == EX_CONFIG
        for name in wrong:
            assert re.search(rf"\b{name}\b", run.stderr), (name, run.stderr)
        assert "tooshort" not in run.output


def test_production_refuses_what_is_unsafe(start):
    run = start("bulkhead-api", "--check-config", ENVIRONMENT="production", DEBUG="true", PASSWORD_HASH="bcrypt:4",
                DATABASE_URL="postgresql://u:p@db.example.com/x?sslmode=disable", DATA_KEY=None,
                REDIS_URL="redis://cache.example.com/0",
                JWT_SECRET="change-me-change-me-change-me-change-me")
    assert run.wait() == EX_CONFIG
    for name in ("DEBUG", "PASSWORD_HASH", "DATA_KEY", "DB_SSL_MODE", "REDIS_URL", "JWT_SECRET"):
        assert name in run.stderr, run.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_check_config_shows_no_secret(start, settings, program):
    run = start(program, "--check-config")
    assert run.wait() == 0, run.stderr
    assert "DATABASE_URL" in run.stdout
    if program == "bulkhead-api":
        assert settings["PORT"] in run.stdout and re.search(r"JWT_SECRET\s.*\*\*\*\[\d+ chars\]\*\*\*", run.stdout)
    password = re.match(r"\w+://[^:]*:([^@]+)@", settings["DATABASE_URL"]).group(1)
    for secret in (settings["JWT_SECRET"], password):
        assert secret not in run.output


def test_a_setting_from_a_file(start, settings, tmp_path):
    (tmp_path / "secret").write_text(settings["JWT_SECRET"] + "\n")
    run = start("bulkhead-api", "--check-config", JWT_SECRET=None, JWT_SECRET_FILE=str(tmp_path / "secret"))
    assert run.wait() == 0, run.stderr
    run = start("bulkhead-api", "--check-config", JWT_SECRET=None, JWT_SECRET_FILE=str(tmp_path / "absent"))
    assert run.wait() == EX_CONFIG and "JWT_SECRET_FILE" in run.stderr


@pytest.mark.parametrize("program", SERVERS)
def test_no_database_at_start(start, program):
    run = start(program, DATABASE_URL=f"postgresql://u:hidden-password@{ADDRESS}:{free_port()}/x")
    assert run.wait(60) == 1
    attempts = [line for line in run.output.splitlines() if "attempt" in line and "after" not in line]
    assert len(attempts) == 3, run.output
    assert "hidden-password" not in run.output


@pytest.mark.parametrize("program", SERVERS)
@pytest.mark.parametrize("change, reason", [
    (("bulkhead:", "somebody:"), "somebody"), ((r":[^:@]+@", ":a-wrong-password@"), "password authentication failed"),
    ((r"/bulkhead$", "/missing"), "does not exist")])
def test_a_refused_login_is_a_wrong_configuration(start, settings, program, change, reason):
    run = start(program, DATABASE_URL=re.sub(*change, settings["DATABASE_URL"], count=1))
    assert run.wait(60) == EX_CONFIG
    lines = [line for line in run.output.splitlines() if "DATABASE_URL: " in line]
    assert len(lines) == 1 and reason in lines[0], run.output
    assert "attempt" not in run.output and "a-wrong-password" not in run.output


@pytest.mark.parametrize("change, reason", [
    ((r":[^:@]+@", ":a-wrong-password@"), "password authentication failed"), ((r"/bulkhead$", "/missing"), "does not exist")])
def test_the_migrator_is_refused(start, settings, change, reason):
    run = start("bulkhead-migrator", "status", DATABASE_URL=re.sub(*change, settings["DATABASE_URL"], count=1))
    assert run.wait(60) == EX_CONFIG
    assert len(run.stderr.splitlines()) == 1 and reason in run.stderr and "DATABASE_URL" in run.stderr, run.output


@pytest.mark.parametrize("program", SERVERS)
def test_healthcheck(start, settings, program):
    nobody = start(program, "--healthcheck")
    assert nobody.wait() == 1 and nobody.stdout == ""
    assert nobody.stderr == f"not ready: {ADDRESS}:{settings['OPS_PORT']}: Connection refused\n"

    run = start(program)
    run.wait_until_ready(url_of(settings) if program == "bulkhead-api" else f"http://{ADDRESS}:{settings['OPS_PORT']}")
    asked = start(program, "--healthcheck")
    assert asked.wait() == 0 and asked.output == "ready\n"
    assert run.stop() == 0

    wrong = start(program, "--healthcheck", DATABASE_URL=None)
    assert wrong.wait() == 1 and wrong.stderr.startswith("not ready: DATABASE_URL: ") and wrong.stderr.count("\n") == 1


def test_healthcheck_of_a_program_without_its_database(stack, start, settings):
    run = start("bulkhead-api")
    run.wait_until_ready(url_of(settings))
    stack.stop_postgres()
    try:
        asked = start("bulkhead-api", "--healthcheck")
        assert asked.wait() == 1 and asked.stderr == "not ready: the control database cannot be reached\n"
    finally:
        stack.start_postgres()
    run.wait_until_ready(url_of(settings))
    assert run.stop() == 0


def test_a_database_that_comes_late_is_waited_for(stack, start, settings):
    stack.stop_postgres()
    try:
        run = start("bulkhead-api")
        time.sleep(0.4)
    finally:
        stack.start_postgres()
    run.wait_until_ready(url_of(settings))
    assert run.stop() == 0


@pytest.mark.parametrize("program, setting", [("bulkhead-api", "PORT"), ("bulkhead-api", "OPS_PORT"),
                                              ("bulkhead-worker", "OPS_PORT")])
def test_a_busy_port_is_one_clear_line(start, settings, program, setting):
    with socket.socket() as taken:
        taken.bind((ADDRESS, int(settings[setting])))
        taken.listen()
        run = start(program)
        assert run.wait() == 1
    complaints = [line for line in run.output.splitlines() if settings[setting] in line and "in use" in line]
    assert len(complaints) == 1 and setting in complaints[0], run.output


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("program", SERVERS)
def test_a_signal_stops_it_cleanly(start, settings, program, with_signal):
    run = start(program)
    ops = run.wait_until_ready(url_of(settings, "OPS_PORT"))
    assert ops.get("/health").json["status"] == "healthy"
    begun = time.monotonic()
    assert run.stop(with_signal) == 0, run.output
    assert time.monotonic() - begun < 5
    with pytest.raises(OSError):
        ops.get("/health/live")


def wait_for_line(run, text, seconds=10):
    end = time.monotonic() + seconds
    while text not in run.output:
        assert time.monotonic() < end, run.output
        time.sleep(0.02)


def test_sighup_reloads_what_can_change_and_keeps_the_old_when_it_is_wrong(start, settings, tmp_path):
    level = tmp_path / "level"
    level.write_text("info")
    run = start("bulkhead-worker", LOG_LEVEL=None, LOG_LEVEL_FILE=str(level))
    ops = run.wait_until_ready(url_of(settings, "OPS_PORT"))
    level.write_text("deafening")
    run.process.send_signal(signal.SIGHUP)
    wait_for_line(run, "reload: kept the old configuration")
    level.write_text("debug")
    run.process.send_signal(signal.SIGHUP)
    wait_for_line(run, '"message":"reloaded","LOG_LEVEL":"debug"')
    assert ops.get("/health/live").status == 200
    assert run.stop() == 0
    assert '"level":"debug"' in run.output  # the steps of the shutdown are debug lines


@pytest.mark.parametrize("program", SERVERS)
def test_the_ops_port(start, settings, program):
    run = start(program)
    ops = run.wait_until_ready(url_of(settings, "OPS_PORT"))
    for path in ("/health", "/health/live", "/healthz", "/health/ready", "/readyz"):
        assert ops.get(path).status == 200
    metrics = ops.get("/metrics")
    assert (metrics.status, metrics.media_type) == (200, "text/plain")
    assert re.search(r"^process_\w+ \S+$", metrics.body.decode(), re.M)
    assert ops.get("/api/tasks").status == 404
    if program == "bulkhead-api":
        assert Api(url_of(settings)).get("/metrics").status == 404


def begin_login(api, body):
    """A connection on which a request is under way: all but the last byte is sent."""
    connection = socket.create_connection((api.host, api.port), timeout=20)
    connection.sendall(b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
    return connection


def test_sigterm_lets_a_request_finish(start, settings):
    run = start("bulkhead-api", PASSWORD_HASH="bcrypt:12")
    api = run.wait_until_ready(url_of(settings))
    body = b'{"email":"nobody@example.com","password":"%s"}' % PASSWORD.encode()
    with begin_login(api, body) as connection:
        time.sleep(0.3)
        run.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert run.process.poll() is None, "it did not wait"
        connection.sendall(body[-1:])
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert statuses(received) == [401], received
    assert b"\r\nconnection: close\r\n" in received.lower()
    assert run.wait() == 0, run.output


def test_idle_connections_do_not_hold_it(start, settings):
    run = start("bulkhead-api")
    api = run.wait_until_ready(url_of(settings))
    idle = [socket.create_connection((api.host, api.port), timeout=20) for _ in range(10)]
    for connection in idle[:5]:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    begun = time.monotonic()
    assert run.stop() == 0
    assert time.monotonic() - begun < 5
    for connection in idle:
        connection.close()


def test_a_request_that_never_ends_is_cut_off(start, settings):
    run = start("bulkhead-api", SHUTDOWN_TIMEOUT="1s")
    api = run.wait_until_ready(url_of(settings))
    with begin_login(api, b"{}"):
        time.sleep(0.2)
        begun = time.monotonic()
        assert run.stop() == 0, run.output
        assert time.monotonic() - begun < 6


def test_while_draining_it_is_not_ready_but_alive(start, settings):
    run = start("bulkhead-api", SHUTDOWN_DRAIN_DELAY="2s")
    api = run.wait_until_ready(url_of(settings))
    run.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert api.get("/health/ready").status == 503
    assert api.get("/health/live").status == 200
    assert run.wait() == 0


def test_every_line_of_the_log_is_json_and_holds_no_secret(start, settings):
    run = start("bulkhead-api", LOG_FORMAT="json")
    api = run.wait_until_ready(url_of(settings))
    person = api.sign_up()
    assert person.get("/api/auth/me", headers={"X-Request-ID": "find-me"}).status == 200
    assert run.stop() == 0
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(lines) > 3
    assert any("find-me" in line.values() for line in lines), run.stdout
    password = re.match(r"\w+://[^:]*:([^@]+)@", settings["DATABASE_URL"]).group(1)
    for secret in (PASSWORD, person.token, settings["JWT_SECRET"], password):
        assert secret not in run.output


def test_swagger_can_be_turned_off(start, settings):
    run = start("bulkhead-api", ENABLE_SWAGGER="false")
    api = run.wait_until_ready(url_of(settings))
    for path in ("/api-docs", "/docs", "/openapi.json", "/api-docs/assets/swagger-ui.css"):
        assert api.get(path).status == 404
