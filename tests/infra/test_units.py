# SPDX-License-Identifier: Apache-2.0
"""infra/systemd: units that systemd understands, that let the programs do little, and that name settings there are."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "infra" / "systemd").glob("*.service"))
BIN = pathlib.Path(os.environ.get("BULKHEAD_BIN", ROOT / "build" / "dev" / "bin"))
EXPOSURE = 20  # tenths: 2.0 of 10; a unit without any of it has 9.6

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments, "--no-pager"], capture_output=True, text=True, timeout=60,
                          env=os.environ | {"LC_ALL": "C"})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The units with the programs of this build."""
    folder = tmp_path_factory.mktemp("units")
    for unit in UNITS:
        (folder / unit.name).write_text(unit.read_text().replace("/usr/bin/bulkhead-", f"{BIN}/bulkhead-"))
    return folder


@needs_systemd
def test_systemd_understands_them(here):
    status, said = analyze("verify", "--man=no", *(str(here / unit.name) for unit in UNITS))
    assert status == 0 and "bulkhead" not in said, said


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_they_may_do_little(unit):
    status, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
    if "unrecognized option" in said:
        pytest.skip("this systemd cannot judge files")
    assert status == 0, said


@needs_systemd
def test_a_careless_unit_would_be_seen(here, tmp_path):
    careless = (here / "bulkhead-api.service").read_text()
    careless = re.sub(r"^(CapabilityBoundingSet|SystemCallFilter|Protect\w+|Private\w+|NoNewPrivileges)=.*\n", "", careless, flags=re.M)
    (tmp_path / "bulkhead-careless.service").write_text(careless.replace("WatchdogSec=10", "WatchdogSecs=10"))
    assert "WatchdogSecs" in analyze("verify", "--man=no", str(tmp_path / "bulkhead-careless.service"))[1]
    status, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(tmp_path / "bulkhead-careless.service"))
    assert status != 0 or "unrecognized option" in said


def test_their_settings_exist():
    known = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", (ROOT / "infra/env.example").read_text(), re.M))
    for unit in UNITS:
        text = unit.read_text()
        given = {name for line in re.findall(r"^Environment=(.*)$", text, re.M) for name in re.findall(r"(\w+)=", line)}
        assert given and {name.removesuffix("_FILE") for name in given} <= known, unit.name
        files = set(re.findall(r"=%d/(\w+)$", text, re.M))
        assert files == set(re.findall(r"^LoadCredential=(\w+):/etc/bulkhead/secrets/\1$", text, re.M)), unit.name


def test_patience_covers_what_a_stop_takes():
    example = (ROOT / "infra/env.example").read_text()
    drain = int(re.search(r"^# SHUTDOWN_DRAIN_DELAY=(\d+)s", example, re.M)[1])
    stop = int(re.search(r"^SHUTDOWN_TIMEOUT=(\d+)s", example, re.M)[1])
    for unit in UNITS:
        if "Type=notify" in unit.read_text():
            assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.M)[1]) >= drain + stop + 10


def test_they_wait_for_a_database_that_comes_minutes_later():
    """A program that gave up would be started StartLimitBurst times within seconds, and then never again."""
    for unit in UNITS:
        text = unit.read_text()
        attempts = int(re.search(r"^Environment=.*\bDB_CONNECT_RETRIES=(\d+)", text, re.M)[1])
        assert attempts * 2.5 >= 180, f"{unit.name}: attempts that are refused at once come every 2.5 to 5 seconds"
        patience = re.search(r"^TimeoutStartSec=(\d+)(min|h)$", text, re.M)
        assert int(patience[1]) * {"min": 60, "h": 3600}[patience[2]] >= attempts * 15, unit.name
