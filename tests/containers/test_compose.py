# SPDX-License-Identifier: Apache-2.0
"""`docker compose up -d` in a clean clone: the API works, jobs run, and nothing is more open than it must be."""
import json
import os
import re
import stat
import textwrap
import time

import pytest
import yaml

from conftest import ENGINE, TAG, Checkout, ask, free_port, run, wait_for

SERVED = ["postgres", "redis", "api", "worker"]
ONCE = ["secrets", "check-api", "check-worker", "migrator", "welcome"]


def test_the_address_is_printed(stack):
    wait_for(lambda: f"API         {stack.url}" in stack.logs("welcome"), "the address in the log of welcome")
    assert all(stack.status(service) == ("exited", 0) for service in ONCE)
    assert all(stack.healthy(service) for service in ("api", "worker"))


def test_the_session_of_the_readme(stack, tmp_path):
    readme = (stack.folder / "README.md").read_text()
    session, = (block for block in re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S) if "BULKHEAD_URL" in block)
    environment = os.environ | {"BULKHEAD_URL": stack.url}
    seen = run("bash", "-eu", "-o", "pipefail", "-c", session, cwd=tmp_path, env=environment).stdout
    assert '"access_token"' in seen and '"items"' in seen and '"title":"Paint the hull"' in seen and "404" in seen


def test_a_job_through_the_worker(stack):
    token = stack.owner()
    ask(f"{stack.url}/api/tasks", {"title": "exported"}, token)
    made = ask(f"{stack.url}/api/exports", {"kind": "tasks", "format": "csv"}, token)
    assert made.status == 202, made.body
    place = stack.url + made.headers["Location"]
    wait_for(lambda: ask(place, token=token).json["state"] == "succeeded", "the export")
    assert b"exported" in ask(place + "/content", token=token).body  # the file went from the worker to the API


def test_a_tenant_is_copied_with_the_programs_in_the_image(stack):
    token = stack.secret("platform_admin_token")
    made = ask(f"{stack.url}/api/platform/tenants/default/clone", {"slug": "copy", "name": "Copy"}, token)
    assert made.status == 202, made.body
    wait_for(lambda: ask(f"{stack.url}/api/platform/tenants/copy", token=token).status == 200
             and ask(f"{stack.url}/api/platform/tenants/copy", token=token).json["status"] == "active", "the clone")


@pytest.mark.parametrize("service", SERVED)
def test_hardened(stack, service):
    host = json.loads(stack.inspect(service, "{{json .HostConfig}}"))
    assert host["ReadonlyRootfs"] and "no-new-privileges" in " ".join(host["SecurityOpt"])
    if "limits.yml" in stack.env.get("COMPOSE_FILE", ""):
        assert host["Memory"] > 0 and host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    status = stack.compose("exec", "-T", service, "cat", "/proc/1/status").stdout
    value = {line.split(":")[0]: line.split()[1:] for line in status.splitlines()}
    assert value["NoNewPrivs"] == ["1"] and value["Uid"][0] != "0"
    assert int(value["CapEff"][0], 16) == 0, "the process that serves holds no capability"
    if service != "postgres":
        assert int(value["CapBnd"][0], 16) == 0, "and gets none"


def test_memory_and_processes_are_limited_where_the_kernel_can(stack):
    """The file is laid over docker-compose.yml, and knows every service that stays."""
    told = stack.compose("-f", "docker-compose.yml", "-f", "infra/docker/limits.yml", "--profile", "edge", "--profile",
                         "observability", "config").stdout
    services = yaml.safe_load(told)["services"]
    limited = {name for name, service in services.items() if service.get("pids_limit") and service.get("mem_limit")}
    assert limited == {name for name, service in services.items() if service["restart"] == "unless-stopped"}
    # Compose 2: "can't set distinct values on 'mem_limit' and 'deploy.resources.limits.memory'", also when one is not set.
    assert not any("deploy" in service for service in services.values())


def test_addresses_that_are_fixed_are_not_given_away(stack):
    network = f"{stack.project}_front"

    def addresses(service):
        return stack.inspect(service, "{{range $name, $at := .NetworkSettings.Networks}}{{$name}}={{$at.IPAddress}} {{end}}")

    fixed, given = (re.search(rf"{network}=([\d.]+)", addresses(service))[1] for service in ("api", "worker"))
    assert fixed == stack.env["BULKHEAD_NETWORK"] + ".11"
    assert int(given.rsplit(".", 1)[1]) >= 128


def test_what_docker_compose_passes_on_are_settings(stack):
    """Names that stand in docker-compose.yml for .env are spelt as in infra/env.example, for a program that knows them."""
    users = {}
    for comment, name in re.findall(r"^# (.*)\n(?:# )?([A-Z_]+)=", (stack.folder / "infra/env.example").read_text(), re.M):
        users[name] = re.search(r"used by: ([a-z, ]+)", comment)[1]
    text = (stack.folder / "docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]
    for service in ("api", "worker", "migrator"):
        for name, value in services[service]["environment"].items():
            if name != "OWNER_EMAIL":
                plain = name.removesuffix("_FILE")
                assert service in users[plain] or name in services["api"]["environment"], f"{service} knows no {name}"
                passed = re.fullmatch(r"\$\{(\w+):-[^}]*\}", str(value))
                assert not passed or passed[1] == name, f"{name}: {value}"


def test_any_other_setting_in_an_override(tmp_path):
    """The example of docs/deployment.md, which both generations of Compose read by themselves."""
    with Checkout(tmp_path / "bulkhead") as checkout:
        text = (checkout.folder / "docs/deployment.md").read_text()
        [example] = re.findall(r"^( {6}x-all: .*\n(?: {6}.*\n)+)", text, re.M)
        checkout.env.pop("COMPOSE_FILE", None)
        (checkout.folder / "docker-compose.override.yml").write_text(textwrap.dedent(example))
        services = yaml.safe_load(checkout.compose("--profile", "edge", "config").stdout)["services"]
        for name in ("check-api", "api", "api-2"):
            assert services[name]["environment"]["IDEMPOTENCY_TTL"] == "48h"
            assert services[name]["environment"]["JWT_SECRET_FILE"] == "/run/secrets/jwt_secret"
        (checkout.folder / ".env").write_text("BODY_LIMIT=2MiB\n")
        services = yaml.safe_load(checkout.compose("config").stdout)["services"]
        assert services["api"]["environment"]["BODY_LIMIT"] == "2MiB"
        assert run("git", "status", "--porcelain", cwd=checkout.folder).stdout == ""


def test_a_mail_server_whose_password_is_a_secret(tmp_path):
    with Checkout(tmp_path / "bulkhead", SMTP_URL_FILE="/run/secrets/smtp_url", MAIL_FROM="a@example.com",
                  APP_URL="https://app.example.com") as checkout:
        (checkout.folder / ".secrets" / "smtp_url").write_text("smtps://user:a-password@mail.example.com:465\n")
        checkout.compose("run", "--rm", "-T", "secrets")
        told = checkout.compose("run", "--rm", "-T", "--no-deps", "check-worker").stdout
        assert "mail.example.com" in told and "a-password" not in told
        (checkout.folder / ".secrets" / "smtp_url").unlink()
        checkout.compose("run", "--rm", "-T", "secrets")
        assert not (checkout.folder / ".secrets/worker/smtp_url").exists()


@pytest.mark.parametrize("service", ["api", "worker"])
def test_what_can_be_written(stack, service):
    def writes(path):
        done = stack.compose("exec", "-T", service, "sh", "-c", f"echo x > {path}/probe && rm {path}/probe", check=False)
        return done.returncode == 0

    assert writes("/tmp") and writes("/var/lib/bulkhead/storage")
    assert not writes("/") and not writes("/usr/local/bin") and not writes("/run/secrets") and not writes("/etc")


def test_secrets_are_files_and_nothing_else(stack):
    secrets = {path.name: path.read_text().strip() for path in (stack.folder / ".secrets").iterdir()
               if path.is_file() and path.name not in (".gitignore", "made", "lock") and path.suffix != ".pem"}
    assert len(secrets) >= 9 and all(len(value) >= 32 for value in secrets.values())
    for path in (stack.folder / ".secrets").rglob("*"):
        if path.is_file() and path.name != ".gitignore":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert run("git", "status", "--porcelain", cwd=stack.folder).stdout == "", "git must not see them"
    told = "".join(stack.logs(service) for service in SERVED + ONCE)
    told += "".join(stack.inspect(service, "{{json .Config}}") for service in SERVED + ONCE)
    for name in ("api", "worker", "migrator"):
        told += run(*ENGINE, "history", "--no-trunc", f"bulkhead-{name}:{TAG}").stdout
    told += stack.compose("config").stdout
    for name, value in secrets.items():
        for line in value.splitlines():
            assert len(line) < 20 or line not in told, f"{name} shows"


def test_each_program_sees_its_own_secrets_only(stack):
    def seen(service):
        return set(stack.compose("exec", "-T", service, "ls", "/run/secrets").stdout.split())

    assert seen("worker") == {"database_url", "redis_url", "data_key", "data_key_previous", "postgres_ca.pem"}
    assert seen("redis") == {"redis_password"}


def test_images(stack):
    def size(image):
        return int(run(*ENGINE, "inspect", "--format", "{{.Size}}", image).stdout)

    base = size("debian:trixie-slim")
    for name in ("api", "worker"):
        assert size(f"bulkhead-{name}:{TAG}") - base < 25_000_000, name
    for name in ("api", "worker", "migrator"):
        config = json.loads(run(*ENGINE, "inspect", "--format", "{{json .Config}}", f"bulkhead-{name}:{TAG}").stdout)
        assert config["User"] == "10001:10001" and config["StopSignal"] == "SIGTERM"
        version = run(*ENGINE, "run", "--rm", f"bulkhead-{name}:{TAG}", "--version").stdout.split()[1]
        assert config["Labels"]["org.opencontainers.image.version"] == version
        revision = run("git", "rev-parse", "HEAD", cwd=stack.folder).stdout.strip()
        assert config["Labels"]["org.opencontainers.image.revision"] == revision


@pytest.mark.parametrize("given, port", [("8080", 8080), ("$PORT", 8000), ("", 8000)])
def test_the_port_of_a_platform(stack, given, port):
    """Platforms set PORT, choose the user, and mount nothing."""
    network = f"{stack.project}_data"
    name = f"{stack.project}-platform-{port}-{len(given)}"
    run(*ENGINE, "run", "-d", "--name", name, "--network", network, "--user", "4711:4711", "-e", f"PORT={given}",
        "-e", f"DATABASE_URL={stack.secret('database_url').split('?')[0]}", "-e", f"REDIS_URL={stack.secret('redis_url')}",
        "-e", f"JWT_SECRET={stack.secret('jwt_secret')}", "-e", f"DATA_KEY={stack.secret('data_key')}", f"bulkhead-api:{TAG}")
    try:
        wait_for(lambda: run(*ENGINE, "exec", name, "bulkhead-api", "--healthcheck", check=False).returncode == 0,
                 "a healthy container")
        told = run(*ENGINE, "logs", name)
        assert f'"port":{port}' in told.stdout + told.stderr
    finally:
        run(*ENGINE, "rm", "-f", "-v", name)


def test_a_second_up_changes_nothing(stack):
    before = [stack.inspect(service, "{{.Id}}") for service in SERVED]
    secrets = {path: path.read_bytes() for path in (stack.folder / ".secrets").rglob("*") if path.is_file()}
    stack.up()
    assert [stack.inspect(service, "{{.Id}}") for service in SERVED] == before
    assert {path: path.read_bytes() for path in (stack.folder / ".secrets").rglob("*") if path.is_file()} == secrets


def test_nginx_before_two_replicas(tmp_path):
    with Checkout(tmp_path / "bulkhead") as checkout:
        checkout.up(profiles=["edge"], timeout=600)
        wait_for(lambda: ask(f"{checkout.edge}/health").status == 200, "an answer through nginx")
        token = checkout.owner(checkout.edge)
        assert ask(f"{checkout.edge}/api/tasks", {"title": "through nginx"}, token).status == 201

        # Both replicas answer, over and over, once nginx asks the one again that was not ready at first.
        def both_serve():
            for _ in range(20):
                assert ask(f"{checkout.edge}/api/tasks", token=token).status == 200
            return len(set(re.findall(r'"replica":"([^"]+)"', checkout.logs("nginx")))) == 2

        wait_for(both_serve, "an answer of each replica")

        # The API knows who asks, whatever a client claims, and on which port it comes.
        ask(f"{checkout.edge}/api/auth/me", token=token, **{"X-Forwarded-For": "203.0.113.7"})
        ask(f"{checkout.url}/api/auth/me", token=token, **{"X-Forwarded-For": "203.0.113.8"})
        time.sleep(0.5)
        told = checkout.logs("api") + checkout.logs("api-2")
        assert "203.0.113" not in told
        gateway = checkout.env["BULKHEAD_NETWORK"] + ".1"
        assert f'"client":"{gateway}"' in told, "nginx hands on the address it sees"

        plain = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                    f"http://127.0.0.1:{checkout.env['EDGE_HTTP_PORT']}/api/x?y=z").stdout
        assert plain == f"308 {checkout.edge}/api/x?y=z"

        # What the API would not take does not get that far, and what is under way has a bound.
        assert ask(f"{checkout.edge}/api/tasks", {"title": "x" * 1_100_000}, token).status == 413
        assert ask(f"{checkout.edge}/api/tasks", {"title": "x" * 1_000_000}, token).status in (400, 422)
        told = checkout.compose("--profile", "edge", "exec", "-T", "nginx", "df", "-k", "/tmp").stdout
        [size] = re.findall(r"^tmpfs +(\d+) ", told, re.M)
        assert int(size) == 128 * 1024


def test_prometheus_finds_both_programs(tmp_path):
    """Grafana is in no Debian and is left out."""
    with Checkout(tmp_path / "bulkhead", PROMETHEUS_PORT=str(free_port())) as checkout:
        checkout.up("api", "worker", "prometheus", profiles=["observability"], timeout=600)
        url = f"http://127.0.0.1:{checkout.env['PROMETHEUS_PORT']}/api/v1/targets"

        def all_up():
            try:
                found = ask(url).json["data"]["activeTargets"]
            except OSError:
                return False
            up = {target["labels"]["job"] for target in found if target["health"] == "up"}
            return up >= {"bulkhead-api", "bulkhead-worker"}

        wait_for(all_up, "targets of Prometheus")
