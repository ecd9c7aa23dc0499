# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at a start is one line with its cause, the right exit status, and an end: no loop of restarts."""
import shutil
import socket
import time

import pytest

from conftest import ENGINE, TAG, Checkout, run, wait_for

EX_CONFIG = 78


@pytest.fixture
def checkout(tmp_path):
    with Checkout(tmp_path / "bulkhead") as one:
        yield one


def fails_at(checkout, service, status, cause, never=("api", "worker")):
    """`up` fails because `service` ended with `status` and one line that tells `cause`; what depends on it never ran."""
    done = checkout.up(check=False, timeout=600)
    assert done.returncode != 0, done.stdout + done.stderr
    assert checkout.status(service) == ("exited", status), checkout.logs(service)
    lines = [line for line in checkout.logs(service).splitlines() if cause in line]
    assert len(lines) == 1, checkout.logs(service)
    for each in never:
        started = checkout.inspect(each, "{{.State.Pid}} {{.RestartCount}}")
        assert started in ("", "0 0"), f"{each} was started: {started}"
    return lines[0]


def test_a_secret_that_is_gone(checkout):
    run(checkout.folder / "infra/scripts/init-secrets")
    (checkout.folder / ".secrets/data_key").unlink()
    line = fails_at(checkout, "secrets", EX_CONFIG, "data_key", never=("postgres", "api", "worker"))
    assert "restore it" in line


def test_a_program_without_its_secret(checkout):
    """As elsewhere: the variable names a file that nobody has mounted."""
    done = run(*ENGINE, "run", "--rm", "-e", "JWT_SECRET_FILE=/run/secrets/jwt_secret", "-e", "REDIS_URL=redis://r",
               "-e", "DATABASE_URL=postgresql://u@h/d", f"bulkhead-api:{TAG}", check=False)
    assert done.returncode == EX_CONFIG
    assert "JWT_SECRET_FILE: cannot read /run/secrets/jwt_secret: No such file or directory" in done.stderr


def test_a_setting_that_is_wrong(checkout):
    checkout.env["CORS_ORIGINS"] = "*"
    assert "CORS_ORIGINS" in fails_at(checkout, "check-api", EX_CONFIG, "CORS_ORIGINS", never=("api",))


def test_a_volume_that_cannot_be_written(checkout):
    checkout.up("secrets")
    run(*ENGINE, "run", "--rm", "--user", "0:0", "--entrypoint", "sh", "-v", f"{checkout.project}_files:/var/lib/bulkhead",
        f"bulkhead-api:{TAG}", "-c", "rm -rf /var/lib/bulkhead/* && chmod 755 /var/lib/bulkhead && chown 0:0 /var/lib/bulkhead")
    line = fails_at(checkout, "check-api", EX_CONFIG, "STORAGE_URL", never=("api",))
    assert "/var/lib/bulkhead" in line


def test_a_wrong_password(checkout):
    """The data of an older checkout: its password is another one."""
    checkout.up("postgres")
    ask_postgres = ["exec", "-T", "postgres", "pg_isready", "-q", "-h", "127.0.0.1"]
    wait_for(lambda: checkout.compose(*ask_postgres, check=False).returncode == 0, "PostgreSQL")
    checkout.compose("rm", "-s", "-f", "postgres")
    shutil.rmtree(checkout.folder / ".secrets")
    (checkout.folder / ".secrets").mkdir()
    line = fails_at(checkout, "migrator", EX_CONFIG, "password authentication failed")
    assert "DATABASE_URL" in line


def test_a_port_that_is_taken(checkout):
    with socket.create_server(("127.0.0.1", checkout.port)):
        done = checkout.up(check=False, timeout=600)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert str(checkout.port) in told and "in use" in told, told
    checkout.up(timeout=600)
    wait_for(lambda: checkout.healthy("api"), "the API once the port is free")


def test_an_older_schema(checkout):
    """Somebody started a newer image without migrating: not ready, and it says why, until the migration has run."""
    checkout.up(timeout=600)
    password = f"PGPASSWORD={checkout.secret('postgres_password')}"
    checkout.compose("exec", "-T", "-e", password, "postgres", "psql", "-q", "-U", "bulkhead", "-d", "bulkhead", "-c",
                     "delete from schema_migrations where version = (select max(version) from schema_migrations)")
    done = checkout.compose("exec", "-T", "api", "bulkhead-api", "--healthcheck", check=False)
    assert done.returncode == 1 and "migrations are pending: run bulkhead-migrator up" in done.stdout + done.stderr
    checkout.compose("restart", "api")
    wait_for(lambda: "migrations are pending" in checkout.logs("api"), "a warning at the start")
    time.sleep(3)
    assert checkout.status("api")[0] == "running" and checkout.inspect("api", "{{.RestartCount}}") == "0"


def test_postgres_that_comes_after_two_minutes(checkout):
    """The machine starts, PostgreSQL recovers for long: the programs wait, one line for each try, and are not started anew."""
    checkout.up(timeout=600)
    wait_for(lambda: checkout.healthy("worker"), "a stack")
    checkout.compose("stop", "-t", "10", "api", "worker", "postgres")
    checkout.compose("start", "api", "worker", check=False)
    run(*ENGINE, "start", *(checkout.inspect(name, "{{.Id}}") for name in ("api", "worker")), check=False)
    run(*ENGINE, "stop", checkout.inspect("postgres", "{{.Id}}"), check=False)
    time.sleep(120)
    for service in ("api", "worker"):
        assert checkout.status(service)[0] == "running", checkout.logs(service)
        assert checkout.inspect(service, "{{.RestartCount}}") == "0"
        done = checkout.compose("exec", "-T", service, f"bulkhead-{service}", "--healthcheck", check=False)
        assert done.returncode == 1
    run(*ENGINE, "start", checkout.inspect("postgres", "{{.Id}}"))
    for service in ("api", "worker"):
        wait_for(lambda: checkout.healthy(service), f"{service} once PostgreSQL is there")
