# SPDX-License-Identifier: Apache-2.0
"""README.md shows a curl session. It is run here as it stands, as somebody would paste it."""
import os
import pathlib
import re
import shutil
import subprocess

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def curl_sessions():
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", README.read_text(), re.M | re.S)
    return [block for block in blocks if "curl" in block and "BULKHEAD_URL" in block]


def test_the_curl_session_works(stack, tmp_path):
    assert shutil.which("curl"), "curl is missing; install it: apt-get install curl"
    sessions = curl_sessions()
    assert len(sessions) == 1, "README.md should show one curl session that uses $BULKHEAD_URL"
    environment = os.environ | {"BULKHEAD_URL": stack.url, "HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", sessions[0]], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    seen = f"{sessions[0]}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, seen
    assert '"access_token"' in done.stdout or "TOKEN" in sessions[0], seen
    assert '"items"' in done.stdout, seen
    assert "404" in done.stdout, f"another user's task should be 404: {seen}"
    assert "/problems/unauthenticated" not in done.stdout and "/problems/malformed-request" not in done.stdout, seen
