# SPDX-License-Identifier: Apache-2.0
"""What deploy.yml runs, with stand-ins for docker, cosign and the host at the other end of ssh."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "5a" * 32
TARGETS = ("api", "worker", "migrator")
VERSION = re.search(r"^project\(bulkhead VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]

DOCKER = """#!/bin/sh
case "$*" in
    "compose "*config) for each in api worker migrator; do echo "  image: ${BULKHEAD_IMAGES:-bulkhead}-$each:$BULKHEAD_TAG"; done; exit ;;
esac
echo "docker $*" >>"$SEEN"
while [ $# -gt 0 ]; do
    if [ "$1" = --metadata-file ]; then printf '{"containerimage.digest": "%s"}' "$DIGEST" >"$2"; fi
    if [ "$1" = inspect ]; then echo "${TAGGED:-$DIGEST}"; fi
    shift
done
"""
COSIGN = """#!/bin/sh
echo "cosign $*" >>"$SEEN"
case "$*" in *"$FORGED"*) exit 1 ;; esac
"""
# The last word is the command; where the key has a command of its own, that one is told of it.
SSH = """#!/bin/bash
echo "ssh $*" >>"$SEEN"
[ "$(stat -c %a "$2")" = 600 ] || exit 9
if [ -n "$FORCED" ]; then SSH_ORIGINAL_COMMAND=${@: -1} exec "$FORCED"; fi
exec bash -c "${@: -1}"
"""


class Place:
    """A commit of this repository's scripts, a host with a clone of it, and what was called there."""

    def __init__(self, folder):
        self.folder, self.repository, self.host = folder, folder / "repository", folder / "host's checkout"
        tools = folder / "tools"
        tools.mkdir()
        for name, text in (("docker", DOCKER), ("cosign", COSIGN), ("ssh", SSH)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        shutil.copytree(ROOT / "infra" / "scripts", self.repository / "infra" / "scripts")
        shutil.copytree(ROOT / "infra" / "ci", self.repository / "infra" / "ci")
        shutil.copy(ROOT / "CMakeLists.txt", self.repository)
        shutil.copy(ROOT / "infra" / "scripts" / "lib-build.sh", self.repository / "infra" / "scripts")
        stub = self.repository / "infra" / "scripts" / "deploy"
        stub.write_text('#!/bin/sh\necho "deploy $* at $(git rev-parse HEAD) in $PWD" >>"$SEEN"\nexit "${OUTCOME:-0}"\n')
        stub.chmod(0o755)
        self.environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), "SEEN": str(folder / "seen"),
                            "FORGED": "forged", "DIGEST": DIGEST, "REPOSITORY": "Owner/Name", "DEPLOY_HOST": "ops@host",
                            "DEPLOY_SSH_KEY": "the key", "DEPLOY_KNOWN_HOSTS": "host key", "DEPLOY_PATH": str(self.host)}
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")
        self.first = self.git("rev-parse", "HEAD")
        subprocess.run(["git", "clone", "-q", self.repository, self.host], check=True, capture_output=True)
        (self.host / ".secrets").mkdir()
        self.git("commit", "-q", "--allow-empty", "-m", "second")
        self.revision = self.git("rev-parse", "HEAD")

    def git(self, *arguments):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments], cwd=self.repository,
                              check=True, capture_output=True, text=True).stdout.strip()

    def run(self, script, *arguments, **changes):
        return subprocess.run([self.repository / "infra" / "ci" / script, *arguments], cwd=self.repository, text=True,
                              env=self.environment | changes, capture_output=True, timeout=60)

    def seen(self):
        return pathlib.Path(self.environment["SEEN"]).read_text().splitlines()

    def digests(self, **changes):
        folder = self.folder / "digests"
        folder.mkdir(exist_ok=True)
        for target in TARGETS:
            (folder / target).write_text(changes.get(target, f"ghcr.io/owner/name/bulkhead-{target}@{DIGEST}") + "\n")
        return folder


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_an_image_is_published_with_what_proves_its_origin(place):
    outputs = place.folder / "outputs"
    done = place.run("publish-image", "api", GITHUB_OUTPUT=str(outputs))
    assert done.returncode == 0, done.stderr
    [built] = place.seen()
    for wanted in ("--target api", "--push", "--sbom=true", "--provenance=mode=max", f"REVISION={place.revision}", f"VERSION={VERSION}",
                   f"--tag ghcr.io/owner/name/bulkhead-api:{place.revision[:12]}"):
        assert wanted in built, built
    assert built.count("--tag") == 1, "what was not scanned yet has no version"
    assert (place.repository / "build/digests/api").read_text() == f"ghcr.io/owner/name/bulkhead-api@{DIGEST}\n"
    assert outputs.read_text() == f"image=ghcr.io/owner/name/bulkhead-api\ndigest={DIGEST}\n"
    assert place.run("publish-image", "everything").returncode == 2


def test_a_tag_of_another_version_publishes_nothing(place):
    for script, argument in (("publish-image", "api"), ("tag-images", place.digests())):
        done = place.run(script, argument, GITHUB_REF_TYPE="tag", GITHUB_REF_NAME="v99.0.0")
        assert done.returncode == 1 and f"tag v{VERSION}" in done.stderr, done
    assert not pathlib.Path(place.environment["SEEN"]).exists()
    assert place.run("publish-image", "api", GITHUB_REF_TYPE="tag", GITHUB_REF_NAME=f"v{VERSION}").returncode == 0
    assert place.run("publish-image", "api", GITHUB_REF_TYPE="branch", GITHUB_REF_NAME="v99.0.0").returncode == 0


def test_the_version_is_a_name_for_the_same_images(place):
    done = place.run("tag-images", place.digests(), GITHUB_REF_TYPE="tag", GITHUB_REF_NAME=f"v{VERSION}")
    assert done.returncode == 0, done.stderr
    assert place.seen()[::2] == [
        f"docker buildx imagetools create --tag ghcr.io/owner/name/bulkhead-{target}:{VERSION} "
        f"ghcr.io/owner/name/bulkhead-{target}@{DIGEST}" for target in TARGETS]
    assert place.run("tag-images", place.digests(), TAGGED="sha256:" + "00" * 32).returncode == 1
    assert place.run("tag-images", place.digests(worker="ghcr.io/owner/name/bulkhead-worker:latest")).returncode == 1
    assert place.run("tag-images", place.folder / "nothing").returncode == 2


def test_images_that_nobody_gave_a_version_have_the_programs_one():
    assert re.findall(r"^ARG VERSION=(.*)$", (ROOT / "infra/docker/Dockerfile").read_text(), re.M) == [VERSION]


def test_only_digests_are_signed(place):
    assert place.run("sign-image", f"ghcr.io/owner/name/bulkhead-api@{DIGEST}").returncode == 0
    assert place.seen() == [f"cosign sign --yes --recursive ghcr.io/owner/name/bulkhead-api@{DIGEST}"]
    assert place.run("sign-image", "ghcr.io/owner/name/bulkhead-api:latest").returncode == 2


def test_signatures_are_verified(place):
    done = place.run("verify-images", place.digests())
    assert done.returncode == 0 and done.stdout.count("signed: ") == 3, done
    assert all(r"github\.com/Owner/Name/\.github/workflows/deploy\.yml@" in line for line in place.seen())
    assert place.run("verify-images", place.digests(worker=f"ghcr.io/forged/x@{DIGEST}")).returncode != 0
    assert place.run("verify-images", place.digests(worker="ghcr.io/owner/name/bulkhead-worker:latest")).returncode == 1


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("names", ["bulkhead", "registry.example/own"])
def test_the_host_gets_this_commit_and_these_images(place, forced, names):
    receiver = place.host / "infra/scripts/receive-deploy"
    done = place.run("deploy", place.digests(), FORCED=str(receiver) if forced else "", BULKHEAD_IMAGES=names)
    assert done.returncode == 0, done.stderr
    tag = place.revision[:12]
    image = "ghcr.io/owner/name/bulkhead-{}@" + DIGEST
    seen = place.seen()
    assert seen[0].startswith("ssh -i ") and "StrictHostKeyChecking=yes" in seen[0] and "the key" not in seen[0]
    assert "ServerAliveInterval" in seen[0]
    assert seen[1:] == [
        *(f"docker pull --quiet {image.format(target)}" for target in TARGETS),
        *(f"docker tag {image.format(target)} {names}-{target}:{tag}" for target in TARGETS),
        f"deploy {tag} at {place.revision} in {place.host}"]
    assert place.git("-C", str(place.host), "rev-parse", "HEAD") == place.revision


def test_a_deploy_that_was_taken_back_fails(place):
    assert place.run("deploy", place.digests(), OUTCOME="1").returncode == 1
    assert place.git("-C", str(place.host), "rev-parse", "HEAD") == place.first
    assert place.git("-C", str(place.host), "branch", "--show-current") == "main"


def test_what_runs_already_is_no_failure(place):
    (place.host / ".env").write_text(f"BULKHEAD_TAG={place.revision[:12]}\n")
    done = place.run("deploy", place.digests())
    assert done.returncode == 0 and "runs already" in done.stdout
    assert not any(line.startswith("deploy ") for line in place.seen())


def test_the_key_of_a_deploy_does_nothing_else(place):
    receiver = place.host / "infra/scripts/receive-deploy"
    images = " ".join(f"ghcr.io/owner/name/bulkhead-{target}@{DIGEST}" for target in TARGETS)
    stranger = place.git("commit-tree", "-m", "on no branch", "HEAD^{tree}")
    for command in ("", "bash", f"{place.revision} {images} ; reboot", f"{stranger} {images}", f"main {images}"):
        done = subprocess.run([receiver], env=place.environment | {"SSH_ORIGINAL_COMMAND": command}, text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode in (1, 2) and "receive-deploy: " in done.stderr, done
    assert not pathlib.Path(place.environment["SEEN"]).exists()


def test_nothing_but_digests_is_deployed(place):
    for wrong in ("ghcr.io/owner/name/bulkhead-api:latest", f"x; reboot #@{DIGEST}"):
        assert place.run("deploy", place.digests(api=wrong)).returncode == 1
    assert not pathlib.Path(place.environment["SEEN"]).exists()


def test_the_last_job_tells_who_failed(place):
    done = place.run("all-succeeded", NEEDS='{"a": {"result": "success"}, "b": {"result": "skipped"}}')
    assert done.returncode == 1 and "b: skipped" in done.stdout
    assert place.run("all-succeeded", NEEDS='{"a": {"result": "success"}}').returncode == 0
