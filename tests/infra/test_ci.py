# SPDX-License-Identifier: Apache-2.0
"""Scripts of infra/ci as a job on GitHub meets them: in a clean clone that belongs to somebody else, with nothing installed.
What compiles, checks or fetches is a stand-in that notes how it was called."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLISHING = {"deploy", "publish-image", "sign-image", "tag-images", "verify-images", "all-succeeded"}  # test_publishing.py
SCRIPTS = {path.name for path in (ROOT / "infra" / "ci").iterdir() if path.is_file() and os.access(path, os.X_OK)} - PUBLISHING

# Does what BREAKS names fail? With --target NAME..., as cmake builds: leaves a stand-in for each program.
STAND_IN = """#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
name=${0##*/}
echo "$name $*" >>"$SEEN"
if [[ -n ${BREAKS:-} && "$name $*" == *"$BREAKS"* ]]; then echo "$name: broken on purpose"; exit 1; fi
case "$name $*" in
    cmake*--build*--preset\\ fuzz*--target*)
        mkdir -p build/fuzz/bin
        for each in ${*#*--target }; do cp "$0" "build/fuzz/bin/$each"; done ;;
    npm*ci*) mkdir -p "$2/node_modules" ;;
esac
"""
DOCKER = """#!/bin/bash
echo "docker $*" >>"$SEEN"
[ -z "${BREAKS:-}" ] || exit 1
case "$*" in
    *"{{.Size}} debian"*) echo 80000000 ;;
    *"{{.Size}}"*) echo 100000000 ;;
    *"{{.Config.User}}"*) echo 10001:10001 ;;
    *--check-config*) echo "${SAYS-DATABASE_URL: required, and not set}"; [ -z "${MORE:-}" ] || yes | head -n "$MORE"; exit "${CHECKED:-78}" ;;
    *--version*) echo "bulkhead-api 0.1.0" ;;
esac
"""
CURL = """#!/bin/bash
echo "curl $*" >>"$SEEN"
case "$*" in
    *health/ready*) exit "${READY:-0}" ;;
    *auth/*) echo '{"access_token":"a.b.c"}' ;;
    *-d*) echo "{\\"id\\":\\"1\\",\\"title\\":\\"Paint the hull\\"}" ;;
    *tasks/*) printf '{"status":%s}\\n' "${BOB:-404}" ;;
    *) printf '%s\\n' "${LIST-{\\"items\\":[{\\"id\\":\\"1\\",\\"title\\":\\"Paint the hull\\"\\}]\\}}" ;;
esac
"""
TOOLS = {name: STAND_IN for name in (
    "cmake", "ctest", "clang-format-14", "clang-tidy-19", "cppcheck", "shellcheck", "npm", "node", "sleep")} | {
    "docker": DOCKER, "curl": CURL,
    "setarch": '#!/bin/bash\necho "setarch $*" >>"$SEEN"\nexec "${@:3}"\n',
    "dpkg-query": '#!/bin/sh\n[ $# -eq 3 ]\n'}  # nothing is installed


class Clone:
    def __init__(self, folder, owner):
        self.folder, self.top, self.tools = folder, folder / "clone", folder / "tools"
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, listed):
            if (ROOT / name).exists():
                (self.top / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.top / name)
        # Not ours to try here: what installs packages, and gcov.
        for name in ("install-packages", "branch-coverage"):
            (self.top / "infra" / "scripts" / name).write_text(STAND_IN)
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
            subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *command], cwd=self.top, check=True)
        self.tools.mkdir()
        for name, text in TOOLS.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        if owner is not None:
            subprocess.run(["chown", "-R", str(owner), self.top], check=True)

    def run(self, script, *arguments, **changes):
        """As the first thing that happens in the clone."""
        subprocess.run(["rm", "-rf", self.top / "build", self.top / ".dev", self.folder / "home"], check=True)
        (self.folder / "home").mkdir()
        (self.folder / "seen").write_text("")
        environment = {"PATH": f"{self.tools}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder / "home"), "CI": "true",
                       "SEEN": str(self.folder / "seen")} | changes
        return subprocess.run([self.top / "infra" / "ci" / script, *arguments], cwd=self.top, env=environment, text=True,
                              capture_output=True, timeout=120)

    def seen(self, start=""):
        return [line for line in (self.folder / "seen").read_text().splitlines() if line.startswith(start)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Clone(tmp_path_factory.mktemp("ci"), 1001 if os.geteuid() == 0 else None)


RUNS = [("format", (), "clang-format-14 "), ("shell", (), "shellcheck "), ("arrows", (), None), ("workflows", (), "node "),
        ("cppcheck", (), "cppcheck "), ("tidy", (), "clang-tidy-19 "), ("tidy", ("--since", "no commit"), "clang-tidy-19 "),
        ("tidy", ("libs/base/uuid.cpp",), "clang-tidy-19 "), ("test", ("dev",), "ctest "), ("coverage", (), "branch-coverage "),
        ("fuzz", ("1",), "request_reader_fuzz "), ("audit-packages", (), "npm "), ("images", ("build",), "docker "),
        ("images", ("smoke",), "docker ")]


@pytest.mark.parametrize("script, arguments, tool", RUNS, ids=[" ".join([script, *words]) for script, words, _ in RUNS])
def test_it_runs_in_a_clean_clone(clone, script, arguments, tool):
    done = clone.run(script, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fatal:" not in done.stderr and "error:" not in done.stderr, done.stderr
    if tool:
        assert clone.seen(tool)
        broken = clone.run(script, *arguments, BREAKS=tool)
        assert broken.returncode not in (0, 127), f"{tool} may fail, and nobody hears of it: {broken}"


def test_every_script_is_run(clone):
    assert {script for script, _, _ in RUNS} == SCRIPTS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has clones that belong to others")
@pytest.mark.parametrize("script", ["format", "shell", "cppcheck", "tidy", "audit-packages"])
def test_files_that_git_does_not_list_are_no_success(clone, script):
    done = clone.run(script, CI="")
    assert done.returncode != 0 and "dubious ownership" in done.stderr, done


def test_a_check_sees_every_file(clone):
    def named(tool):
        return {word for line in clone.seen(tool) for word in line.split() if word.endswith((".cpp", ".hpp"))}

    sources = {str(path.relative_to(ROOT)) for folder in ("apps", "libs", "tests") for path in (ROOT / folder).rglob("*.cpp")}
    clone.run("format")
    assert sources < named("clang-format-14 ")
    clone.run("tidy")
    assert named("clang-tidy-19 ") == sources
    clone.run("cppcheck")
    assert named("cppcheck ") == {name for name in sources if not name.startswith("tests/") and not name.endswith("_test.cpp")}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
@pytest.mark.parametrize("script, arguments, wanted", [
    ("tidy", (), "g++ libpq-dev libssl-dev catch2 clang-tidy-19"), ("fuzz", ("1",), "g++ libpq-dev libssl-dev clang-19"),
    ("test", ("dev",), "g++ libpq-dev libssl-dev"), ("coverage", (), "g++ libpq-dev libssl-dev"), ("cppcheck", (), "cppcheck")])
def test_what_it_needs_is_installed(clone, script, arguments, wanted):
    assert clone.run(script, *arguments).returncode == 0
    installed = {word for line in clone.seen("install-packages ") for word in line.split()}
    assert set(wanted.split()) <= installed, installed


@pytest.mark.parametrize("script, log, step", [
    ("tidy", "tidy.log", "cmake --preset"), ("fuzz", "fuzz.log", "cmake --preset"), ("fuzz", "fuzz.log", "cmake --build"),
    ("test", "dev.log", "cmake --build")])
def test_a_build_that_fails_says_why(clone, script, log, step):
    done = clone.run(script, BREAKS=step)
    assert done.returncode not in (0, 127)
    assert "broken on purpose" in done.stdout + done.stderr
    assert "broken on purpose" in (clone.top / "build" / log).read_text()


@pytest.mark.parametrize("what, changes", [
    ("an api that is never ready", {"READY": "7"}), ("Bob sees the task of Ada", {"BOB": "200"}),
    ("a list without the task", {"LIST": "{\"items\":[]}"}), ("an answer that is none", {"LIST": "bad gateway"}),
    ("settings that are missing and not named", {"SAYS": "out of memory"}), ("another status than 78", {"CHECKED": "1"})])
def test_images_that_do_not_work_are_seen(clone, what, changes):
    done = clone.run("images", "smoke", **changes)
    assert done.returncode == 1, f"{what}: {done}"
    assert "infra/ci/images: " in done.stderr


def test_much_said_before_the_end_is_no_other_status(clone):
    done = clone.run("images", "smoke", MORE="100000")
    assert done.returncode == 0, done.stderr[-300:]


@pytest.mark.parametrize("name", ["infra/dev", "libs/base/time.cpp", "libs/queue/scripts/hint_give.lua", "tests/CMakeLists.txt"])
def test_a_source_without_its_licence_is_seen(clone, name):
    file = clone.top / name
    text = file.read_text()
    file.write_text("\n".join(line for line in text.split("\n") if "SPDX" not in line))
    done = clone.run("format")
    file.write_text(text)
    assert done.returncode == 1 and name in done.stderr.split("\n"), done
