# SPDX-License-Identifier: Apache-2.0
"""infra/scripts/deploy, rollback and migrate with a stand-in for Docker: what they ask of it, and what is left behind when
they are interrupted, cut off from their terminal, or killed. tests/containers has the same scripts with real containers."""
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("api", "api-2", "worker")

# Containers are files with their version in them. A version "sick" is never healthy. `up` waits while there is a file
# wait-SERVICE, and gives up when there is one that is called dead.
DOCKER = r"""#!/bin/bash
cd "$STATE"
echo "$*" >>log
[ "$1" != compose ] || shift
while [ "$1" = --profile ]; do shift 2; done
well() { [ -f "$1" ] && [[ $(cat "$1") != sick* ]]; }
case $1 in
    version) ;;
    config) for each in api worker migrator; do echo "    image: \"registry.example/own-$each:$BULKHEAD_TAG\""; done ;;
    image) grep -qxF "$3" images ;;
    run)
        if [ -t 1 ] && [[ " $* " != *" -T "* ]]; then echo "the input device is not a TTY" >&2; exit 1; fi
        ;;
    exec)
        case "$*" in
            *replica-1:*) well api ;;
            *replica-2:*) well api-2 ;;
            *--healthcheck*) well "$3" ;;
        esac
        ;;
    port) echo "192.0.2.7:8443" ;;
    stop | logs) ;;
    ps) if [ -f "${@: -1}" ]; then echo "${@: -1}"; fi ;;
    rm) rm -f -- "${@: -1}" ;;
    up)
        while [ -f "wait-${@: -1}" ]; do
            touch waiting
            if [ -f dead ]; then rm waiting dead; exit 1; fi
            sleep 0.05
        done
        echo "$BULKHEAD_TAG" >"${@: -1}"
        ;;
    *) echo "what is $*?" >&2; exit 9 ;;
esac
"""
CURL = '#!/bin/sh\necho "curl $*" >>"$STATE/log"\n'
SLEEP = "#!/bin/sh\nexec /bin/sleep 0.02\n"  # stand-ins need no time


class Place:
    def __init__(self, folder):
        self.folder, self.state, self.checkout = folder, folder / "state", folder / "checkout"
        tools = folder / "tools"
        for each in (tools, self.state, self.checkout / "infra", self.checkout / ".secrets"):
            each.mkdir(parents=True)
        shutil.copytree(ROOT / "infra" / "scripts", self.checkout / "infra" / "scripts")
        for name, text in (("docker", DOCKER), ("curl", CURL), ("sleep", SLEEP)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self.env = {"PATH": f"{tools}:{os.environ['PATH']}", "STATE": str(self.state), "DEPLOY_PATIENCE": "5"}
        self.have("one", "two", "three", "sick")
        for service in SERVICES:
            (self.state / service).write_text("one\n")
        (self.checkout / ".env").write_text("OWNER_EMAIL=a@example.com\nBULKHEAD_TAG=one\nBULKHEAD_TAG_BEFORE=zero\n")

    def have(self, *tags):
        names = [f"registry.example/own-{program}:{tag}" for tag in tags for program in ("api", "worker", "migrator")]
        (self.state / "images").write_text("\n".join(names) + "\n")

    def start(self, script, *arguments, **options):
        return subprocess.Popen([self.checkout / "infra/scripts" / script, *arguments], env=self.env, text=True,
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})

    def run(self, script, *arguments):
        process = self.start(script, *arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out + err

    def start_and_reach(self, service, script, *arguments, **options):
        """Running, and at the moment in which this service is away and its new container is being made."""
        (self.state / f"wait-{service}").touch()
        process = self.start(script, *arguments, **options)
        end = time.monotonic() + 30
        while not (self.state / "waiting").exists():
            assert time.monotonic() < end and process.poll() is None, self.log()
            time.sleep(0.02)
        return process

    def go_on(self):
        for each in [*self.state.glob("wait-*"), self.state / "waiting"]:
            each.unlink(missing_ok=True)

    def running(self):
        return [(self.state / service).read_text().strip() if (self.state / service).exists() else None for service in SERVICES]

    def remembered(self):
        lines = (line.partition("=") for line in (self.checkout / ".env").read_text().splitlines())
        return {name.removeprefix("BULKHEAD_TAG"): value for name, _, value in lines if name.startswith("BULKHEAD_TAG")}

    def log(self):
        return (self.state / "log").read_text()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_there_and_back(place):
    code, told = place.run("deploy", "two")
    assert code == 0, told
    assert place.running() == ["two"] * 3 and place.remembered() == {"": "two", "_BEFORE": "one"}
    assert (place.checkout / ".env").read_text().startswith("OWNER_EMAIL=a@example.com\n")
    code, told = place.run("rollback")
    assert code == 0, told
    assert place.running() == ["one"] * 3 and place.remembered() == {"": "one", "_BEFORE": "two"}


def test_a_sick_version_is_taken_back(place):
    code, told = place.run("deploy", "sick")
    assert code == 1 and "api is not healthy as sick" in told, told
    assert place.running() == ["one"] * 3 and place.remembered() == {"": "one", "_BEFORE": "zero"}


@pytest.mark.parametrize("script, arguments", [("deploy", ["two"]), ("migrate", ["--dry-run"]), ("rollback", ["two"])])
def test_no_terminal_is_asked_for(place, script, arguments):
    """Compose 2 takes a terminal when stdout is one, and then wants stdin to be one, too."""
    ours, theirs = pty.openpty()
    process = place.start(script, *arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told = b""
    try:
        while part := os.read(ours, 4096):
            told += part
    except OSError:
        pass  # how the other end of a terminal says that nobody is there any more
    os.close(ours)
    assert process.wait(timeout=60) == 0, told.decode()
    runs = [line for line in place.log().splitlines() if " run " in line]
    assert runs and all(" -T " in line and " --rm " in line for line in runs), runs


@pytest.mark.parametrize("script, arguments", [("deploy", ["typo"]), ("rollback", ["typo"]), ("migrate", ["--tag", "typo"])])
def test_what_is_missing_is_not_built_under_its_name(place, script, arguments):
    code, told = place.run(script, *arguments)
    assert code == 1 and "registry.example/own-" in told and ":typo is not here" in told, told
    assert " run " not in place.log() and " up " not in place.log()
    assert place.running() == ["one"] * 3


def test_what_runs_is_not_deployed_again(place):
    code, told = place.run("deploy", "one")
    assert code == 1 and "one is what runs" in told
    assert " up " not in place.log()


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
@pytest.mark.parametrize("service", ["api", "api-2"])
def test_an_interrupted_deploy_is_taken_back(place, name, service):
    process = place.start_and_reach(service, "deploy", "two")
    process.send_signal(getattr(signal, f"SIG{name}"))
    place.go_on()
    told = "".join(process.communicate(timeout=60))
    assert process.returncode == 1 and "interrupted; taking back: one" in told, told
    assert place.running() == ["one"] * 3 and place.remembered() == {"": "one", "_BEFORE": "zero"}


def test_a_deploy_whose_connection_is_lost_comes_to_its_end(place):
    process = place.start_and_reach("api", "deploy", "two", stderr=subprocess.STDOUT)
    process.stdout.close()
    place.go_on()
    assert process.wait(timeout=60) == 0
    assert place.running() == ["two"] * 3 and place.remembered() == {"": "two", "_BEFORE": "one"}


@pytest.fixture(params=["api", "api-2", "worker"])
def killed(place, request):
    """A deploy of "two" that was killed while this service was away."""
    process = place.start_and_reach(request.param, "deploy", "two", start_new_session=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    (place.state / "dead").touch()  # a call of Docker lives longer than who made it
    while (place.state / "waiting").exists():
        time.sleep(0.02)
    place.go_on()
    assert None in place.running() and place.remembered() == {"": "one", "_BEFORE": "zero", "_COMING": "two"}
    return place


def test_a_rollback_after_a_killed_deploy_goes_one_version_back(killed):
    code, told = killed.run("rollback")
    assert code == 0 and "two did not come to replace one" in told, told
    assert killed.running() == ["one"] * 3 and killed.remembered() == {"": "one", "_BEFORE": "zero"}


def test_a_deploy_after_a_killed_deploy_begins_with_what_ran(killed):
    missing = SERVICES[killed.running().index(None)]
    code, told = killed.run("deploy", "three")
    assert code == 0 and "two did not come to replace one" in told, told
    assert killed.running() == ["three"] * 3 and killed.remembered() == {"": "three", "_BEFORE": "one"}
    if missing == "api-2":  # the other one serves: it is not taken away first
        brought = [line.split()[-1] for line in killed.log().splitlines() if " up " in line]
        assert brought[2] == "api-2", brought


def test_the_extra_verification_is_for_the_new_version(place):
    """It may ask for what the version before has not; it knows what was replaced by what, and does not hang for ever."""
    seen = place.folder / "seen"
    code, told = place.run("deploy", "--verify", f'echo "$SERVICE $TAG" >>{seen}; grep -qx two {place.state}/api', "two")
    assert code == 0, told
    assert seen.read_text().splitlines() == ["api two", "api-2 two", "worker two"]


def test_the_address_that_is_asked_is_the_published_one(place):
    code, told = place.run("deploy", "two")
    assert code == 0, told
    asked = {word for line in place.log().splitlines() if line.startswith("curl") for word in line.split() if "://" in word}
    assert asked == {"https://192.0.2.7:8443/health"}


def test_nothing_is_done_twice_at_once(place):
    process = place.start_and_reach("api", "deploy", "two")
    for script in ("deploy", "rollback"):
        code, told = place.run(script, "three")
        assert code == 1 and "another deploy is at work" in told
    place.go_on()
    process.communicate(timeout=60)
    assert process.returncode == 0 and place.running() == ["two"] * 3
