# SPDX-License-Identifier: Apache-2.0
"""bulkhead-migrator with a control database of its own. Its login is no superuser: it owns that database and may make
databases and roles, nothing else."""
import base64
import json
import os
import secrets
import subprocess
import urllib.parse

from api_client import unique
from conftest import BIN, PATIENCE, SANITIZER_OPTIONS, SANITIZER_REPORT

PASSWORD = "a-password-of-the-tests"


class Outcome:
    def __init__(self, done):
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr

    @property
    def lines(self):
        return [json.loads(line) for line in self.stdout.splitlines()]

    def __repr__(self):
        return f"status {self.status}\n{self.stdout}\n{self.stderr}"


class Cli:
    """One control database with a login of its own, on the servers of the test session."""

    def __init__(self, servers, folder, name="operator"):
        self.folder, self.name = folder, name
        self.admin_url = servers.env["DATABASE_URL"]
        parts = urllib.parse.urlsplit(self.admin_url)
        self.address = f"{parts.hostname}:{parts.port}"
        self.psql("bulkhead", f"create role {name} login createdb createrole password '{PASSWORD}'")
        self.psql("bulkhead", f"create database {name} owner {name}")
        self.env = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ENVIRONMENT": "test", "PASSWORD_HASH": "bcrypt:4",
            "DATABASE_URL": f"postgresql://{name}:{PASSWORD}@{self.address}/{name}", "BACKUP_URL": folder.as_uri(),
            "DATA_KEY": new_key(), "STORAGE_URL": (folder / "storage").as_uri(),
            **{option: f"{value}:{os.environ.get(option, '')}" for option, value in SANITIZER_OPTIONS.items()}}

    def run(self, *arguments, **settings):
        done = subprocess.run([BIN / "bulkhead-migrator", *map(str, arguments)], env=self.env | settings, text=True,
                              cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        assert not SANITIZER_REPORT.search(done.stderr), done.stderr
        return Outcome(done)

    def ok(self, *arguments, **settings):
        """The objects of a command that succeeds, the summary last."""
        done = self.run(*arguments, "--json", **settings)
        assert done.status == 0, done
        assert done.lines[-1]["type"] == "summary" and all(line["type"] != "summary" for line in done.lines[:-1])
        return done.lines

    def refused(self, status, *arguments, **settings):
        """What it says about a command that fails."""
        done = self.run(*arguments, **settings)
        assert done.status == status, done
        assert done.stderr.strip(), "no word about why"
        return done.stderr

    def create(self, prefix="t"):
        slug = unique(prefix)
        self.ok("tenant", "create", slug)
        return slug

    def psql(self, database, statement, url=None):
        """As a superuser."""
        url = url or self.admin_url.rsplit("/", 1)[0] + "/" + database
        return subprocess.run(["psql", "-XAtqc", statement, url], check=True, capture_output=True, text=True,
                              timeout=PATIENCE).stdout.strip()

    def control(self, statement):
        return self.psql(self.name, statement)

    def database_of(self, slug):
        return self.control(f"select database from tenants where slug = '{slug}'")


def new_key():
    return base64.b64encode(secrets.token_bytes(32)).decode()
