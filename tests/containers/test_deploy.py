# SPDX-License-Identifier: Apache-2.0
"""deploy, rollback and migrate on a stack that works: who uses it notices nothing, whatever comes of it."""
import re
import signal
import subprocess
import time

import pytest

from conftest import ENGINE, TAG, Checkout, ask, run, wait_for

NEWER, BROKEN, LYING = f"{TAG}-newer", f"{TAG}-broken", f"{TAG}-lying"


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    with Checkout(tmp_path_factory.mktemp("checkout") / "bulkhead") as checkout:
        checkout.up(profiles=["edge"], timeout=600)
        wait_for(lambda: ask(f"{checkout.edge}/health").status == 200, "an answer through nginx")
        yield checkout


@pytest.fixture(scope="module", autouse=True)
def versions(images, tmp_path_factory):
    """NEWER is the same; BROKEN dies when it starts to serve; LYING says it is healthy and answers nothing."""
    def derive(tag, program, lines):
        folder = tmp_path_factory.mktemp("image")
        (folder / "Dockerfile").write_text("\n".join([f"FROM bulkhead-{program}:{TAG}", "LABEL test=" + tag, *lines]) + "\n")
        run(*ENGINE, "build", "-t", f"bulkhead-{program}:{tag}", folder)

    def instead(case):
        """The program behind a script in its place."""
        text = f'#!/bin/sh\\ncase "$*" in {case} esac\\nexec /usr/local/bin/real "$@"\\n'
        swap = f"cd /usr/local/bin && mv bulkhead-api real && printf '{text}' >bulkhead-api && chmod 755 bulkhead-api"
        return ["USER 0:0", f"RUN {swap}", "USER 10001:10001"]

    die = instead('"") exit 1 ;;')
    lie = instead('--healthcheck) exit 0 ;; "") PORT=8001 exec /usr/local/bin/real ;;')
    for tag, changes in ((NEWER, []), (BROKEN, die), (LYING, lie)):
        for program in ("api", "worker", "migrator"):
            derive(tag, program, changes if program == "api" else [])


class Load:
    """wrk through nginx while something happens; what it saw."""

    running = []

    def __init__(self, edge, seconds, folder):
        token = edge.owner(edge.edge)
        script = folder / "load.lua"
        script.write_text(f'wrk.headers["Authorization"] = "Bearer {token}"\n')
        self.process = subprocess.Popen(
            ["wrk", "-t1", "-c8", f"-d{seconds}", "--timeout", "15", "-s", script, f"{edge.edge}/api/tasks"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(self.process)

    def stop(self):
        """(answers, failed ones)"""
        self.process.send_signal(2)
        told = self.process.communicate(timeout=60)[0]
        print(told)
        answers = int(re.search(r"(\d+) requests in", told)[1])
        failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", told)))
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
        return answers, failed + (sum(map(int, errors.groups())) if errors else 0)


@pytest.fixture(autouse=True)
def no_load_is_left():
    yield
    while Load.running:
        process = Load.running.pop()
        process.kill()
        process.wait()


def script(edge, name, *arguments, check=True, **settings):
    return run(edge.folder / "infra/scripts" / name, *arguments, env=edge.env | settings, cwd=edge.folder, check=check,
               timeout=900)


def tags(edge):
    return [edge.inspect(service, "{{.Config.Image}}").rsplit(":", 1)[1] for service in ("api", "api-2", "worker")]


def test_without_a_change(edge):
    before = [edge.inspect(service, "{{.Id}}") for service in ("api", "api-2", "worker")]
    told = script(edge, "deploy", "--dry-run", NEWER).stdout
    assert "migrating" in told and "replacing api" in told
    script(edge, "migrate", "--dry-run")
    assert [edge.inspect(service, "{{.Id}}") for service in ("api", "api-2", "worker")] == before


def test_a_rolling_deploy_under_load(edge, tmp_path):
    load = Load(edge, 900, tmp_path)
    time.sleep(2)
    begun = time.monotonic()
    script(edge, "deploy", NEWER)
    print(f"deployed in {time.monotonic() - begun:.0f} s")
    time.sleep(2)
    answers, failed = load.stop()
    assert tags(edge) == [NEWER] * 3
    assert failed == 0 and answers > 100, (answers, failed)
    del edge.env["BULKHEAD_TAG"]  # from here on .env knows
    edge.up(profiles=["edge"], timeout=600)
    assert tags(edge) == [NEWER] * 3, "a later up keeps what was deployed"


@pytest.mark.parametrize("tag, reason", [(BROKEN, "is not healthy"), (LYING, "does not pass the verification")])
def test_an_image_that_fails_is_taken_back(edge, tmp_path, tag, reason):
    load = Load(edge, 900, tmp_path)
    time.sleep(2)
    begun = time.monotonic()
    done = script(edge, "deploy", tag, check=False, DEPLOY_PATIENCE="20")
    print(f"taken back after {time.monotonic() - begun:.0f} s")
    time.sleep(2)
    answers, failed = load.stop()
    assert done.returncode == 1 and reason in done.stderr, done.stdout + done.stderr
    assert tags(edge) == [NEWER] * 3
    assert failed == 0 and answers > 100, (answers, failed)


def test_what_is_not_there_is_not_deployed(edge):
    before = [edge.inspect(service, "{{.Id}}") for service in ("api", "api-2", "worker")]
    done = script(edge, "deploy", "no-such-version", check=False)
    assert done.returncode == 1 and "no-such-version" in done.stderr
    assert script(edge, "rollback", "no-such-version", check=False).returncode == 1
    assert script(edge, "migrate", "--tag", "no-such-version", check=False).returncode == 1
    built = run(*ENGINE, "image", "inspect", "bulkhead-migrator:no-such-version", check=False)
    assert built.returncode != 0, "Compose has built it from the checkout"
    assert [edge.inspect(service, "{{.Id}}") for service in ("api", "api-2", "worker")] == before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_an_interrupted_deploy_leaves_what_ran(edge, tmp_path, name):
    """With the first replica away; after a SIGKILL it is the next rollback that brings it back."""
    before = edge.inspect("api", "{{.Id}}")
    load = Load(edge, 900, tmp_path)
    process = subprocess.Popen([edge.folder / "infra/scripts/deploy", TAG], env=edge.env, cwd=edge.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(lambda: process.poll() is not None or edge.inspect("api", "{{.Id}}") != before, "one to go", 300)
    process.send_signal(getattr(signal, name))
    told = process.communicate(timeout=900)[0]
    if name == "SIGKILL":
        time.sleep(30)  # what it had asked the engine for
        told += script(edge, "rollback").stdout
    time.sleep(2)
    answers, failed = load.stop()
    assert "did not come to replace" in told if name == "SIGKILL" else "interrupted; taking back" in told, told
    assert tags(edge) == [NEWER] * 3
    assert failed == 0 and answers > 100, (answers, failed)
    remembered = (edge.folder / ".env").read_text()
    assert f"BULKHEAD_TAG_BEFORE={TAG}\n" in remembered and "COMING" not in remembered


def test_rollback_under_load(edge, tmp_path):
    load = Load(edge, 900, tmp_path)
    time.sleep(2)
    script(edge, "rollback")
    time.sleep(2)
    answers, failed = load.stop()
    assert tags(edge) == [TAG] * 3
    assert failed == 0 and answers > 100, (answers, failed)
