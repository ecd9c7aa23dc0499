# SPDX-License-Identifier: Apache-2.0
"""Every block of docs/production-env-examples.md is a configuration that the programs take."""
import base64
import os
import pathlib
import re
import secrets
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BULKHEAD_BIN", ROOT / "build" / "dev" / "bin"))
BLOCKS = re.findall(r"^## (.*?)\n.*?^```env\n(.*?)^```$", (ROOT / "docs/production-env-examples.md").read_text(), re.M | re.S)
SETTINGS = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", (ROOT / "infra/env.example").read_text(), re.M))
ALIASES = set(re.findall(r"[A-Z][A-Z0-9_]+", " ".join(re.findall(r"alias: (.*)", (ROOT / "infra/env.example").read_text()))))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What the blocks name below /run/secrets."""
    folder = tmp_path_factory.mktemp("secrets")
    values = {"database_url": "postgresql://bulkhead:a3Rt6Yu9@localhost:5432/bulkhead",
              "redis_url": "redis://:b4Sy7Vi0@localhost:6379/0",
              "redis_sentinel_url": "rediss+sentinel://:b4Sy7Vi0@s1.internal:26379,s2.internal/main",
              "smtp_url": "smtps://user:c5Tz8Wj1@mail.example.com:465",
              "jwt_secret": secrets.token_urlsafe(32), "platform_admin_token": secrets.token_urlsafe(32),
              "data_key": base64.b64encode(secrets.token_bytes(32)).decode()}
    for name, value in values.items():
        (folder / name).write_text(value + "\n")
        (folder / name).chmod(0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.crt"], cwd=folder, check=True, capture_output=True)
    (folder / "ca.crt").write_bytes((folder / "tls.crt").read_bytes())
    return folder


def settings_of(block, files, folder):
    text = block.replace("/run/secrets", str(files)).replace("/var/lib/bulkhead", str(folder))
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize("program", ["api", "worker", "migrator"])
@pytest.mark.parametrize("block", [pytest.param(text, id=name) for name, text in BLOCKS])
def test_the_programs_take_it(program, block, files, tmp_path):
    done = subprocess.run([BIN / f"bulkhead-{program}", "--check-config"], env=settings_of(block, files, tmp_path),
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower(), done.stderr


def test_every_name_is_a_setting():
    assert len(BLOCKS) >= 5
    for name, block in BLOCKS:
        for line in block.splitlines():
            given = line.split("=", 1)[0]
            assert given in SETTINGS | ALIASES or given.removesuffix("_FILE") in SETTINGS, f"{name}: {given}"


def test_a_mistake_would_be_seen(files, tmp_path):
    block = dict(BLOCKS)["One host, behind a proxy"].replace("HTTP_KEEP_ALIVE=75s", "HTTP_KEEP_ALIVE=75 s or so")
    done = subprocess.run([BIN / "bulkhead-api", "--check-config"], env=settings_of(block, files, tmp_path),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and "HTTP_KEEP_ALIVE" in done.stderr
