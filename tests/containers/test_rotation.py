# SPDX-License-Identifier: Apache-2.0
"""What docs/operations.md tells people to run when they change a secret is run here as it stands, block by block."""
import re
import ssl

import pytest

from conftest import Checkout, ask, run, wait_for

# As people have it in their shell; COMPOSE may be another command here.
DOCKER = 'docker() { shift; $COMPOSE "$@"; }\n'


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Checkout(tmp_path_factory.mktemp("checkout") / "bulkhead") as checkout:
        checkout.up(timeout=600)
        yield checkout


class Rotation:
    """One secret before and after its block was run."""

    def __init__(self, stack, name):
        text = (stack.folder / "docs/operations.md").read_text()
        [block] = [block for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S) if f"--new {name}\n" in block]
        self.stack, self.old = stack, (stack.secret(name) if not name.endswith("_cert") else stack.secret(f"{name}.pem"))
        self.token = self.settled()
        run("bash", "-euo", "pipefail", "-c", DOCKER + block, cwd=stack.folder, env=stack.env, timeout=600)
        self.new = stack.secret(name) if not name.endswith("_cert") else stack.secret(f"{name}.pem")
        assert self.new != self.old
        assert not list((stack.folder / ".secrets").glob("*_previous*"))
        self.settled()

    def settled(self):
        """The token of an owner who could log in, once both programs are well."""
        def serves():
            try:
                return self.stack.healthy("api") and self.stack.healthy("worker") and self.stack.owner()
            except (OSError, AssertionError):
                return None

        return wait_for(serves, "an API that serves")

    def job_runs(self):
        token = self.settled()
        made = ask(f"{self.stack.url}/api/exports", {"kind": "tasks", "format": "csv"}, token)
        assert made.status == 202, made.body
        place = self.stack.url + made.headers["Location"]
        wait_for(lambda: ask(place, token=token).json["state"] == "succeeded", "a job")

    def tenant_is_made(self, slug):
        token = self.stack.secret("platform_admin_token")
        place = f"{self.stack.url}/api/platform/tenants"
        owner = {"email": "ada@example.com", "password": "a long sentence", "name": "Ada"}
        made = ask(place, {"slug": slug, "name": slug, "owner": owner}, token, timeout=60)
        assert made.status in (201, 202), made.body
        wait_for(lambda: ask(f"{place}/{slug}", token=token).json["status"] == "active", "a tenant")


def test_jwt_secret(stack):
    done = Rotation(stack, "jwt_secret")
    assert ask(f"{stack.url}/api/auth/me", token=done.token).status == 401, "the old one is gone"
    assert ask(f"{stack.url}/api/auth/me", token=done.settled()).status == 200


def test_data_key(stack):
    done = Rotation(stack, "data_key")
    [retired] = (stack.folder / ".secrets/retired").iterdir()
    assert retired.read_text() == done.old and retired.stat().st_mode & 0o777 == 0o600
    migrator = ["run", "--rm", "-T", "--no-deps", "--entrypoint", "bulkhead-migrator", "migrator"]
    told = stack.compose(*migrator, "keys", "list").stdout
    assert "current" in told and "previous" not in told and "unknown" not in told, told
    done.job_runs()


def test_postgres_password(stack):
    done = Rotation(stack, "postgres_password")
    login = ["exec", "-T", "-e", f"PGPASSWORD={done.old}", "postgres", "psql", "-h", "127.0.0.1", "-U", "bulkhead", "bulkhead"]
    refused = stack.compose(*login, "-c", "select 1", check=False)
    assert refused.returncode != 0 and "password authentication failed" in refused.stdout + refused.stderr
    done.tenant_is_made("after-the-password")


def test_redis_password(stack):
    done = Rotation(stack, "redis_password")
    told = stack.compose("exec", "-T", "-e", f"REDISCLI_AUTH={done.old}", "redis", "redis-cli", "ping", check=False)
    assert "PONG" not in told.stdout
    stack.compose("restart", "redis")  # it starts with the new one
    done.job_runs()


def test_platform_admin_token(stack):
    done = Rotation(stack, "platform_admin_token")
    assert [ask(f"{stack.url}/api/platform/tenants", token=token).status for token in (done.old, done.new)] == [401, 200]


def test_postgres_cert(stack):
    done = Rotation(stack, "postgres_cert")
    stack.compose("restart", "api")
    done.settled()  # it connects anew
    done.tenant_is_made("after-the-certificate")


def test_edge_cert(stack):
    stack.up(profiles=["edge"], timeout=600)
    wait_for(lambda: ask(f"{stack.edge}/health").status == 200, "an answer through nginx")
    done = Rotation(stack, "edge_cert")
    wait_for(lambda: ssl.get_server_certificate(("127.0.0.1", stack.https)).strip() == done.new, "the new certificate")
