# SPDX-License-Identifier: Apache-2.0
"""What docs/operations.md tells people to run is run here as it stands, block by block."""
import os
import pathlib
import re
import subprocess

import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (DOCS / "operations.md").read_text(), re.M | re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n", 1)[0][:40])
def test_the_commands_work(stack, tmp_path, block):
    environment = stack.env | {"PATH": f"{stack.bin}:{os.environ['PATH']}", "BULKHEAD_URL": stack.url,
                               "BULKHEAD_OPS_URL": stack.ops_url, "BULKHEAD_WORKER_OPS_URL": stack.worker_ops_url}
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", block], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip(), block


def test_there_are_commands():
    assert len(BLOCKS) >= 4


def test_links_lead_somewhere():
    """Relative links of the documents, their anchors included."""
    root = DOCS.parent
    for page in [*root.glob("*.md"), *DOCS.glob("*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            if target.startswith(("http:", "https:")):
                continue
            file = (page.parent / target) if target else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
                anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{page.name}: {target}#{anchor}"
