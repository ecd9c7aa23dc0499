# SPDX-License-Identifier: Apache-2.0
"""infra/scripts/init-secrets: what it makes, what each rotation leaves, and what it refuses."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Folder:
    def __init__(self, path):
        self.path = path

    def run(self, *arguments, code=0):
        done = subprocess.run([ROOT / "infra/scripts/init-secrets", self.path, *arguments], text=True, capture_output=True,
                              timeout=60)
        assert done.returncode == code, done.stderr
        return done.stderr

    def read(self, name):
        return (self.path / name).read_text()

    def files(self):
        return {str(path.relative_to(self.path)) for path in self.path.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    made = Folder(tmp_path_factory.mktemp("first") / "secrets")
    made.run()
    return made


@pytest.fixture
def folder(first, tmp_path):
    return Folder(shutil.copytree(first.path, tmp_path / "secrets"))


def test_what_is_there_stays(folder):
    before = {name: folder.read(name) for name in folder.files()}
    folder.run()
    assert {name: folder.read(name) for name in folder.files()} == before


@pytest.mark.parametrize("name, readers", [("jwt_secret", ["api"]), ("data_key", ["api", "worker", "migrator"])])
def test_the_coming_one_is_known_before_it_is_used(folder, name, readers):
    old = folder.read(name)

    def handed_out():
        [pair] = {(folder.read(f"{reader}/{name}"), folder.read(f"{reader}/{name}_previous")) for reader in readers}
        return pair

    assert handed_out() == (old, old)
    folder.run("--new", name)
    new = folder.read(f"{name}_previous")
    assert handed_out() == (old, new) and new != old
    folder.run("--swap", name)
    assert handed_out() == (new, old) == (folder.read(name), folder.read(f"{name}_previous"))
    folder.run("--drop", name)
    assert handed_out() == (new, new)
    kept = [path for path in folder.files() if folder.read(path) == old]
    assert [path.split("-")[0] for path in kept] == (["retired/data_key"] if name == "data_key" else [])


@pytest.mark.parametrize("name", ["jwt_secret", "data_key", "postgres_password", "redis_password"])
def test_a_second_rotation_does_not_begin_in_the_first(folder, name):
    """It would write over the key that data are still sealed with."""
    folder.run("--new", name)
    before = {path: folder.read(path) for path in folder.files()}
    assert f"{name}_previous is there" in folder.run("--new", name, code=1)
    assert {path: folder.read(path) for path in folder.files()} == before


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_password_is_in_its_url(folder, name):
    old, url = folder.read(f"{name}_password"), {"postgres": "database_url", "redis": "redis_url"}[name]
    folder.run("--new", f"{name}_password")
    new = folder.read(f"{name}_password")
    assert new != old
    assert all(new in folder.read(path) for path in (url, f"api/{url}", f"worker/{url}", f"{name}/{name}_password"))
    assert folder.read(f"{name}_password_previous") == old
    folder.run("--drop", f"{name}_password")
    assert not [path for path in folder.files() if folder.read(path) == old]


def test_what_cannot_be_renewed_here_is_refused(folder):
    before = {path: folder.read(path) for path in folder.files()}
    for arguments in (["--new", "owner_password"], ["--new", "grafana_password"], ["--new", "database_url"], ["--new", "x"],
                      ["--swap", "redis_password"], ["--drop", "owner_password"], ["--new"]):
        folder.run(*arguments, code=2)
    assert "--new jwt_secret makes it" in folder.run("--swap", "jwt_secret", code=1)
    assert {path: folder.read(path) for path in folder.files()} == before


def test_what_is_gone_is_not_made_anew(folder):
    (folder.path / "data_key").unlink()
    for arguments in ([], ["--new", "data_key"], ["--new", "jwt_secret"]):
        assert "data_key was made once and is gone" in folder.run(*arguments, code=78)
    assert "data_key" not in folder.files()


def test_a_swap_that_was_killed_is_finished(folder):
    folder.run("--new", "data_key")
    old, new = folder.read("data_key"), folder.read("data_key_previous")
    (folder.path / "data_key_previous").rename(folder.path / "data_key")  # its second step of three
    (folder.path / "data_key_previous.swap").write_text(old)
    folder.run()
    assert (folder.read("data_key"), folder.read("api/data_key_previous")) == (new, old)
    (folder.path / "data_key_previous.swap").write_text("half of")  # killed in its first step
    folder.run()
    assert (folder.read("data_key"), folder.read("api/data_key_previous")) == (new, old)
    assert "data_key_previous.swap" not in folder.files()


def test_the_mail_server_is_yours(folder):
    assert "worker/smtp_url" not in folder.files()
    (folder.path / "smtp_url").write_text("smtps://u:p@mail.example.com:465\n")
    folder.run()
    assert folder.read("worker/smtp_url") == folder.read("smtp_url") and "api/smtp_url" not in folder.files()
    (folder.path / "smtp_url").unlink()
    folder.run()
    assert "worker/smtp_url" not in folder.files()
