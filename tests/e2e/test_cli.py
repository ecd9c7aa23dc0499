# SPDX-License-Identifier: Apache-2.0
"""bulkhead-migrator as operators run it. Its login is no superuser: it owns the control database and may make databases
and roles, nothing else."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from api_client import PASSWORD as LOGIN, TIME, Api, unique
from conftest import BIN, PATIENCE, Servers
from migrator_cli import PASSWORD, Cli, new_key
from programs import ADDRESS, Program, free_port, wait_for
from receiver import Receiver
from worker_stack import worker


@pytest.fixture(scope="module")
def servers():
    running = Servers()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cli(servers, tmp_path_factory):
    made = Cli(servers, tmp_path_factory.mktemp("cli"))
    made.ok("up")
    return made


def audit(cli, slug):
    return [line["action"] for line in cli.ok("tenant", "show", slug) if line["type"] == "audit"]


def test_the_login_is_no_superuser(cli):
    assert cli.control(f"select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = '{cli.name}'") == "f|t|t"


def test_create_list_show(cli):
    slug = unique("made")
    made, summary = cli.ok("tenant", "create", slug, "--name", "Made & Co")
    assert made["status"] == "active" and made["name"] == "Made & Co" and made["server"] == "control"
    assert TIME.match(made["created_at"]) and summary["created"] is True
    assert cli.ok("tenant", "create", slug, "--if-absent")[-1]["created"] is False
    assert "taken" in cli.refused(1, "tenant", "create", slug)
    assert "no such server" in cli.refused(2, "tenant", "create", unique("x"), "--server", "nowhere")

    assert slug in [line["slug"] for line in cli.ok("tenant", "list")[:-1]]
    assert slug not in [line.get("slug") for line in cli.ok("tenant", "list", "--status", "deleted")]
    assert cli.run("tenant", "list").stdout.count("\n") == cli.ok("tenant", "list")[-1]["tenants"]

    shown = cli.ok("tenant", "show", slug)
    assert shown[0]["limits"] == {"users": None, "requests_per_minute": None, "storage_bytes": None, "jobs_in_flight": None}
    assert shown[0]["purge_after"] is None and shown[-1]["unfinished"] is False
    assert [line["action"] for line in shown[1:-1]] == ["tenant.create"] and shown[1]["actor"].startswith("cli:")
    assert "Made & Co" in cli.run("tenant", "show", slug).stdout
    assert "none of this name" in cli.refused(1, "tenant", "show", "there-is-none")


def test_suspend_and_resume(cli):
    slug = cli.create()
    database = cli.database_of(slug)
    may_log_in = f"select rolcanlogin from pg_roles where rolname = '{database}'"
    assert cli.ok("tenant", "suspend", slug, "--reason", "unpaid")[0]["status"] == "suspended"
    assert cli.control(may_log_in) == "f"
    assert "suspended" in cli.refused(1, "tenant", "suspend", slug)
    assert cli.ok("tenant", "resume", slug)[0]["status"] == "active"
    assert cli.control(may_log_in) == "t"
    cli.refused(1, "tenant", "resume", slug)
    cli.refused(1, "tenant", "resume", "there-is-none")
    assert audit(cli, slug) == ["tenant.resume", "tenant.suspend", "tenant.create"]


def test_rename(cli):
    slug, other, new = cli.create(), cli.create(), unique("new")
    assert cli.ok("tenant", "rename", slug, new, "--name", "New")[0]["name"] == "New"
    cli.refused(1, "tenant", "show", slug)
    assert "taken" in cli.refused(1, "tenant", "rename", new, other)
    assert "reserved" in cli.refused(2, "tenant", "rename", new, "admin")


def test_limits(cli):
    slug = cli.create()
    assert cli.ok("tenant", "limits", slug)[-1]["changed"] is False
    cli.ok("tenant", "limits", slug, "--users", "5", "--storage-bytes=1000")
    limits = cli.ok("tenant", "limits", slug, "--users", "none", "--requests-per-minute", "0")[0]["limits"]
    assert limits == {"users": None, "requests_per_minute": 0, "storage_bytes": 1000, "jobs_in_flight": None}
    assert cli.ok("tenant", "show", slug)[0]["limits"] == limits
    # What another version wrote stays, and does not lift the others.
    cli.control(f"""update tenants set limits = limits || '{{"seats": {{"most": 3}}, "users": "many"}}' where slug = '{slug}'""")
    assert cli.ok("tenant", "limits", slug)[0]["limits"] == limits
    assert cli.ok("tenant", "limits", slug, "--jobs-in-flight", "7")[0]["limits"] == limits | {"jobs_in_flight": 7}
    assert json.loads(cli.control(f"select limits from tenants where slug = '{slug}'")) == limits | {
        "jobs_in_flight": 7, "seats": {"most": 3}, "users": "many"}
    cli.refused(2, "tenant", "limits", slug, "--users", "many")
    cli.refused(1, "tenant", "limits", "there-is-none", "--users", "1")


def test_delete_undelete_purge(cli):
    slug = cli.create()
    identity = cli.ok("tenant", "show", slug)[0]["id"].replace("-", "")
    cli.refused(1, "tenant", "purge", slug, f"--confirm={slug}")  # it is active
    assert f"--confirm={slug}" in cli.refused(2, "tenant", "delete", slug)
    assert "another tenant" in cli.refused(2, "tenant", "delete", slug, "--confirm", "default")

    deleted = cli.ok("tenant", "delete", slug, f"--confirm={slug}")[0]
    assert deleted["status"] == "deleted" and deleted["database"] == f"bulkhead_deleted_{identity}"
    assert TIME.match(deleted["purge_after"])
    assert [line["slug"] for line in cli.ok("tenant", "list", "--status", "deleted")[:-1]] == [slug]
    assert "taken" in cli.refused(1, "tenant", "create", slug)
    cli.refused(1, "tenant", "suspend", slug)
    assert slug not in [line.get("name") for line in cli.ok("status")]
    assert cli.run("up").status == 0
    back = cli.ok("tenant", "undelete", slug)[0]
    assert back["status"] == "active" and back["database"] == f"bulkhead_t_{identity}"
    cli.refused(1, "tenant", "undelete", slug)
    assert slug in [line.get("name") for line in cli.ok("status")]

    cli.ok("tenant", "delete", slug, f"--confirm={slug}")
    cli.refused(2, "tenant", "purge", slug)
    certificate, summary = cli.ok("tenant", "purge", slug, f"--confirm={slug}")
    assert certificate["type"] == "certificate" and certificate["slug"] == slug and "database" in certificate["destroyed"]
    assert summary["purged"] is True
    left = f"select count(*) from pg_{{}} where {{}} like '%{identity}%'"
    assert cli.control(left.format("database", "datname")) == "0"
    assert cli.control(left.format("roles", "rolname")) == "0"
    again = cli.run("tenant", "purge", slug, f"--confirm={slug}")
    assert again.status == 0 and json.loads(again.stdout) == certificate
    cli.refused(1, "tenant", "show", slug)
    cli.ok("tenant", "create", slug)  # the name is free


def titles(cli, slug, url=None):
    url = (url or cli.admin_url).rsplit("/", 1)[0] + "/" + cli.database_of(slug)
    return cli.psql(None, "select string_agg(title, ',' order by title) from tasks", url)


def test_clone_export_import(cli, tmp_path):
    slug, copy, back = cli.create(), unique("copy"), unique("back")
    user = "insert into users (id, email, name, password_hash) values (gen_random_uuid(), 'a@b.test', 'A', 'h') returning id"
    cli.psql(cli.database_of(slug), f"with u as ({user}) insert into tasks (id, user_id, title) "
             "select gen_random_uuid(), id, t from u, unnest(array['one', 'two']) t")
    cloned = cli.ok("tenant", "clone", slug, copy, "--name", "A copy")[0]
    assert cloned["slug"] == copy and cloned["name"] == "A copy" and cloned["status"] == "active"
    assert titles(cli, copy) == "one,two" and cli.database_of(copy) != cli.database_of(slug)
    assert "taken" in cli.refused(1, "tenant", "clone", slug, copy)
    assert "there-is-none" in cli.refused(1, "tenant", "clone", "there-is-none", unique("copy"))
    cli.refused(2, "tenant", "clone", slug, "admin")

    file = tmp_path / "tenant.tar"
    written = cli.ok("tenant", "export", slug, "--output", file)[0]
    assert written["rows"] >= 3 and re.fullmatch("[0-9a-f]{64}", written["sha256"]) and file.stat().st_size >= written["bytes"]
    assert file.stat().st_mode & 0o077 == 0
    cli.refused(1, "tenant", "export", slug, "--output", file)
    cli.refused(1, "tenant", "export", "there-is-none", "--output", tmp_path / "none.tar")
    imported = cli.ok("tenant", "import", os.path.relpath(file, cli.folder), back)[0]
    assert imported["status"] == "active" and titles(cli, back) == "one,two"
    file.write_bytes(file.read_bytes()[:-2000])
    cli.refused(2, "tenant", "import", file, unique("back"))
    cli.refused(2, "tenant", "import", tmp_path / "missing.tar", unique("back"))
    assert titles(cli, slug) == "one,two"


def test_work_that_was_left_behind(cli):
    slug = cli.create()
    cli.control("insert into operations (id, kind, tenant_id, slug, state, step, actor) select gen_random_uuid(), 'delete', "
                f"id, slug, 'running', 'lock out', 'api' from tenants where slug = '{slug}'")
    for command in (["suspend", slug], ["delete", slug, f"--confirm={slug}"], ["limits", slug, "--users=1"]):
        said = cli.refused(1, "tenant", *command)
        assert f"tenant repair {slug}" in said and "left behind: delete by api" in said
    shown = cli.ok("tenant", "show", slug)
    assert shown[1]["type"] == "operation" and shown[1]["abandoned"] is True and shown[1]["step"] == "lock out"
    assert shown[-1]["unfinished"] is True
    repaired = cli.ok("tenant", "repair", slug)
    assert repaired[0]["state"] == "succeeded" and repaired[-1] == {"continued": 1, "unfinished": 0, "type": "summary"}
    assert cli.ok("tenant", "repair", slug)[-1]["continued"] == 0
    assert cli.ok("tenant", "repair")[-1] == {"continued": 0, "unfinished": 0, "failed": 0, "type": "summary"}
    assert cli.database_of(slug).startswith("bulkhead_deleted_")


def test_a_signal_leaves_the_work_for_later(cli):
    slug = cli.create()
    # A step that waits for somebody else's transaction.
    holder = subprocess.Popen(["psql", "-XAtq", cli.admin_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write(f"begin; alter role {cli.database_of(slug)} connection limit 50; select 'held';\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "held\n"
    with Program(BIN / "bulkhead-migrator", "tenant", "delete", slug, f"--confirm={slug}", environment=cli.env) as program:
        end = time.monotonic() + PATIENCE
        while "lock out" not in program.stderr and time.monotonic() < end:
            time.sleep(0.01)
        locked = cli.run("tenant", "suspend", slug)
        assert locked.status == 5 and "a process is at it: delete" in locked.stderr
        program.process.send_signal(signal.SIGTERM)
        while "stops after" not in program.stderr and time.monotonic() < end:
            time.sleep(0.01)
        holder.communicate("rollback;\n", PATIENCE)
        assert program.wait(PATIENCE) == 143, program.output
        assert f"its record stays; go on with: bulkhead-migrator tenant repair {slug}" in program.stderr
    shown = cli.ok("tenant", "show", slug)
    assert shown[1]["step"] == "lock out" and shown[1]["abandoned"] is True
    cli.ok("tenant", "repair", slug)
    assert cli.ok("tenant", "show", slug)[0]["database"].startswith("bulkhead_deleted_")


def test_maintenance_is_not_migrated(cli):
    slug = cli.create()
    cli.control(f"update tenants set status = 'maintenance' where slug = '{slug}'")
    assert "maintenance" in cli.refused(5, "up", "--tenant", slug)
    cli.control(f"update tenants set status = 'active' where slug = '{slug}'")
    cli.ok("up", "--tenant", slug)


# ---- servers -----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def second(cli, tmp_path_factory):
    """Another PostgreSQL; the folder and the URL of an administrator there who is no superuser."""
    servers = Servers()
    superuser = servers.env["DATABASE_URL"]
    cli.psql(None, f"create role keeper login createdb createrole password '{PASSWORD}'", superuser)
    where = urllib.parse.urlsplit(superuser)
    yield superuser, f"postgresql://keeper:{PASSWORD}@{where.hostname}:{where.port}/postgres"
    servers.stop()


def test_servers(cli, second, tmp_path):
    superuser, url = second
    file = tmp_path / "url"
    file.write_text(url + "\n")
    added, summary = cli.ok("server", "add", "east", "--url-file", file)
    assert added["name"] == "east" and added["admin"] == "keeper" and added["accepts_tenants"] and summary["changed"]
    assert PASSWORD not in json.dumps(added)
    assert "server of this name" in cli.refused(1, "server", "add", "east", "--url-file", file)
    assert "/name" not in cli.refused(2, "server", "add", "No Name", "--url-file", file)
    cli.refused(2, "server", "add", "west", "--url-file", tmp_path / "missing")
    file.write_text("http://nonsense")
    cli.refused(2, "server", "add", "west", "--url-file", file)
    cli.psql(None, "create role weak login password 'weak'", superuser)
    file.write_text(url.replace(f"keeper:{PASSWORD}", "weak:weak"))
    assert "CREATEROLE" in cli.refused(2, "server", "add", "west", "--url-file", file)
    assert [line["name"] for line in cli.ok("server", "list")[:-1]] == ["control", "east"]

    slug = unique("east")
    assert cli.ok("tenant", "create", slug, "--server", "east")[0]["server"] == "east"
    assert cli.psql(None, f"select 1 from pg_database where datname = '{cli.database_of(slug)}'", superuser) == "1"
    assert "tenants live there" in cli.refused(1, "server", "remove", "east")
    assert cli.ok("server", "drain", "east")[0]["accepts_tenants"] is False
    assert cli.ok("tenant", "create", unique("t"))[0]["server"] == "control"
    assert cli.ok("server", "accept", "east")[0]["accepts_tenants"] is True
    cli.refused(1, "server", "drain", "nowhere")

    pooled = cli.ok("server", "pooler", "east", "[::1]:6432")[0]
    assert (pooled["pooler_host"], pooled["pooler_port"]) == ("::1", "6432")
    for wrong in ("here", "here:", "here:0", "here:70000", "here:x"):
        cli.refused(2, "server", "pooler", "east", wrong)
    assert cli.ok("server", "pooler", "east", "none")[0]["pooler_host"] is None

    traveller = unique("moved")
    cli.ok("tenant", "create", traveller, "--server", "control")
    assert cli.ok("tenant", "move", traveller, "--server", "east")[0]["server"] == "east"
    cli.refused(1, "tenant", "move", traveller, "--server", "east")
    cli.refused(2, "tenant", "move", traveller, "--server", "nowhere")
    assert cli.ok("tenant", "move", traveller, "--server", "control", "--max-pause", "1m")[0]["server"] == "control"
    # Killed when the new passwords are stored and the server's roles do not have them yet.
    killed = cli.run("keys", "rotate", "--credentials", "--tenant", slug, BULKHEAD_FAIL_POINT="rotate-credentials.stored")
    assert killed.status == -signal.SIGKILL
    advice = [line["advice"] for line in cli.run("doctor", "--json").lines[:-1] if line["about"] == f"tenant {slug}"]
    assert advice == [f"run keys rotate --credentials --tenant {slug}"]
    cli.ok("keys", "rotate", "--credentials", "--tenant", slug)
    assert f"tenant {slug}" not in [line.get("about") for line in cli.run("doctor", "--json").lines]
    for command in (["suspend", slug], ["resume", slug], ["delete", slug, f"--confirm={slug}"],
                    ["purge", slug, f"--confirm={slug}"]):
        cli.ok("tenant", *command)
    assert cli.psql(None, "select count(*) from pg_roles where rolname like 'bulkhead\\_t\\_%'", superuser) == "0"
    assert cli.ok("server", "remove", "east")[-1]["removed"] == "east"
    cli.refused(1, "server", "remove", "control")


# ---- keys --------------------------------------------------------------------------------------------------------

def test_generated_keys(cli):
    texts = {cli.run("keys", "generate", DATABASE_URL="").stdout.strip() for _ in range(3)}
    assert len(texts) == 3 and all(len(base64.b64decode(text)) == 32 for text in texts)
    key, _ = cli.ok("keys", "generate")
    assert re.fullmatch(r"[\w-]{8}", key["id"]) and len(base64.b64decode(key["key"])) == 32


def uses(cli, **settings):
    return {line["use"] for line in cli.ok("keys", "list", **settings)[:-1]}


def test_another_data_key(servers, tmp_path):
    here = Cli(servers, tmp_path, "rekeyed")
    here.ok("up")
    slugs = [here.create() for _ in range(3)]
    here.control("insert into spare_databases select gen_random_uuid(), server_id, 'spare', role_name, "
                 "role_password_sealed, owner_role, owner_password_sealed, 0 from tenants limit 1")
    assert uses(here) == {"current"}
    old, new = here.env["DATA_KEY"], new_key()
    assert uses(here, DATA_KEY=new) == {"unknown"}
    assert "configured" in here.refused(3, "keys", "rotate", DATA_KEY=new)
    both = {"DATA_KEY": new, "DATA_KEY_PREVIOUS": old}
    assert uses(here, **both) == {"previous"}
    # The spare's passwords belong to another id, so that no key opens them.
    assert here.refused(3, "keys", "rotate", **both).count("cannot be opened") >= 2
    here.control("delete from spare_databases")
    done = here.run("keys", "rotate", **both)
    assert done.status == 0 and "DATA_KEY_PREVIOUS can be removed" in done.stderr
    assert here.ok("keys", "rotate", **both)[-1] == {"resealed": 0, "unopened": 0, "unvisited": 0, "complete": True,
                                                          "type": "summary"}
    assert uses(here, DATA_KEY=new) == {"current"}
    here.ok("keys", "rotate", "--credentials", "--tenant", slugs[0], DATA_KEY=new)
    here.refused(1, "keys", "rotate", "--credentials", "--tenant", "there-is-none", DATA_KEY=new)
    assert here.ok("status", DATA_KEY=new)[-1]["failed"] == 0
    here.refused(1, "keys", "rotate", DATA_KEY="")


@contextlib.contextmanager
def api_of(here, **settings):
    """An API on the control database of a Cli."""
    port = free_port()
    where = {"BIND_ADDRESS": ADDRESS, "PORT": str(port), "OPS_BIND": ADDRESS, "OPS_PORT": str(free_port()), "API_THREADS": "1"}
    with Program(BIN / "bulkhead-api", environment=here.env | where | settings) as program:
        yield program.wait_until_ready(f"http://{ADDRESS}:{port}", PATIENCE)
        assert program.stop() == 0


def owner_of(here, api, slug, email=None):
    """Signed in as the tenant's owner, a new one without an address."""
    email = email or api.asking(tenant=slug).sign_up().email
    here.psql(here.database_of(slug), "update users set role = 'owner'")
    answer = api.asking(tenant=slug).post("/api/auth/login", {"email": email, "password": LOGIN})
    owner = api.asking(tenant=slug, token=answer.json["access_token"])
    owner.email = email
    return owner


def webhook_secrets(cli, **settings):
    return {line["use"]: line["values"] for line in cli.ok("keys", "list", **settings)[:-1]
            if line["place"] == "webhooks.sealed_secret"}


@pytest.fixture
def hooked(servers, tmp_path):
    """Three tenants with a webhook each; the second is suspended then, and the third deleted."""
    here = Cli(servers, tmp_path, unique("hooked").replace("-", "_"))
    here.bin = BIN
    here.env |= {"REDIS_URL": servers.env["REDIS_URL"], "JWT_SECRET": secrets.token_urlsafe(32), "RATE_LIMIT": "off",
                 "RATE_LIMIT_AUTH": "off", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32"}
    here.ok("up")
    here.slugs, here.hooks = [here.create() for _ in range(3)], []
    with Receiver() as here.receiver:
        with api_of(here) as api:
            for slug in here.slugs:
                owner = owner_of(here, api, slug)
                made = owner.post("/api/webhooks", {"url": here.receiver.url, "events": ["task.created"]})
                assert made.status == 201, made
                here.hooks.append((slug, owner.email, made.json))
        here.ok("tenant", "suspend", here.slugs[1])
        here.ok("tenant", "delete", here.slugs[2], f"--confirm={here.slugs[2]}")
        yield here


def test_webhooks_under_another_data_key(hooked):
    here, new = hooked, new_key()
    here.create()  # without webhooks
    here.ok("tenant", "clone", here.slugs[0], "copy")  # has none either
    assert webhook_secrets(here) == {"current": 3}
    both = {"DATA_KEY": new, "DATA_KEY_PREVIOUS": here.env["DATA_KEY"]}
    assert webhook_secrets(here, **both) == {"previous": 3}
    done = here.run("keys", "rotate", **both)
    assert done.status == 0 and "DATA_KEY_PREVIOUS can be removed" in done.stderr, done
    here.env["DATA_KEY"] = new
    assert webhook_secrets(here) == {"current": 3}
    assert here.psql("postgres", f"select datallowconn from pg_database where datname = '{here.database_of(here.slugs[2])}'"
                     ) == "f"
    here.ok("tenant", "resume", here.slugs[1])
    here.ok("tenant", "undelete", here.slugs[2])
    with api_of(here) as api, worker(here):
        for slug, email, hook in here.hooks:
            assert owner_of(here, api, slug, email).post(f"/api/webhooks/{hook['id']}/test").status == 202
            (call,) = here.receiver.wait_for(lambda: [each for each in here.receiver.requests
                                                      if hook["id"].encode() in each.body], PATIENCE)
            signed = b".".join([call.headers["webhook-id"].encode(), call.headers["webhook-timestamp"].encode(), call.body])
            key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
            wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            assert call.headers["webhook-signature"] == f"v1,{wanted}"


def test_the_old_data_key_is_needed_until_every_database_was_visited(hooked):
    here, slug = hooked, hooked.slugs[0]
    both = {"DATA_KEY": new_key(), "DATA_KEY_PREVIOUS": here.env["DATA_KEY"]}
    database = here.database_of(slug)
    moving = f"from operations where slug = '{slug}' and kind = 'move'"
    for hide, show in (
            (lambda: here.psql("postgres", f"alter database {database} allow_connections false"),
             lambda: here.psql("postgres", f"alter database {database} allow_connections true")),
            (lambda: here.control("insert into operations (id, kind, tenant_id, slug, actor) select gen_random_uuid(), "
                                  f"'move', id, slug, 'cli' from tenants where slug = '{slug}'"),
             lambda: here.control(f"delete {moving}"))):
        hide()
        for command in ("rotate", "list"):
            done = here.run("keys", command, "--json", **both)
            assert done.status == 3 and done.lines[-1]["unvisited"] == 1, done
            assert f"tenant {slug}:" in done.stderr and "can be removed" not in done.stderr
        show()
        assert webhook_secrets(here, **both) == {"current": 2, "previous": 1}
    done = here.run("keys", "rotate", **both)
    assert done.status == 0 and "DATA_KEY_PREVIOUS can be removed" in done.stderr, done


def test_webhooks_that_no_key_opens_are_named(hooked):
    here, slug = hooked, hooked.slugs[0]
    both = {"DATA_KEY": new_key(), "DATA_KEY_PREVIOUS": here.env["DATA_KEY"]}
    other = here.psql(here.database_of(here.slugs[1]), "select sealed_secret from webhooks")
    here.psql(here.database_of(slug), f"update webhooks set sealed_secret = '{other}'")
    said = here.refused(3, "keys", "rotate", **both)
    assert "cannot be opened" in said and slug in said and "can be removed" not in said
    done = here.run("doctor", "--json", DATA_KEY=both["DATA_KEY"])
    assert [line["finding"].endswith(f" of tenant {slug}") for line in done.lines if line.get("about") == "DATA_KEY"] == [True]


# ---- the doctor --------------------------------------------------------------------------------------------------

def test_the_doctor(servers, tmp_path):
    here = Cli(servers, tmp_path, "patient")

    def problems(**settings):
        done = here.run("doctor", "--json", **settings)
        found = [line for line in done.lines[:-1] if line["severity"] == "problem"]
        assert done.status == (10 if found else 0), done
        assert done.lines[-1]["problems"] == len(found) and all(line["advice"] for line in found)
        # Databases that belong to everybody are the server's, not ours: only a superuser can close them.
        return [line for line in found if "may connect" not in line["finding"]]

    assert "up --control" in problems()[0]["advice"]
    here.ok("up")
    for database in ("postgres", "template1", "bulkhead"):
        here.psql("bulkhead", f"revoke connect, temporary on database {database} from public")
    slug, lost, locked = here.create("fit"), here.create("lost"), here.create("locked")
    assert problems() == []
    assert here.run("doctor").stderr.strip().endswith("nothing is wrong")

    here.psql("bulkhead", "create database public_house")
    assert here.run("doctor").stdout.count("public_house") == 1
    here.psql("bulkhead", "drop database public_house")
    assert {line["about"] for line in problems(DATA_KEY=new_key())} >= {"DATA_KEY"}
    assert [line["about"] for line in problems(DB_POOL_MAX="500")] == ["server control"]

    here.psql("bulkhead", f"drop database {here.database_of(lost)} with (force)")
    here.psql("bulkhead", f"alter role {here.database_of(locked)} password 'another'")
    stranger = "bulkhead_t_" + "0" * 32
    here.psql("bulkhead", f"create role {stranger}")
    here.control("insert into operations (id, kind, tenant_id, slug, actor) select gen_random_uuid(), 'delete', id, slug, "
                 f"'api' from tenants where slug = '{slug}'")
    found = {line["about"]: line for line in problems()}
    assert "missing" in found[f"tenant {lost}"]["finding"]
    assert "keys rotate --credentials" in found[f"tenant {locked}"]["advice"]
    assert "tenant repair" in found[f"tenant {slug}"]["advice"]
    here.ok("keys", "rotate", "--credentials", "--tenant", locked)
    assert f"tenant {locked}" not in {line["about"] for line in problems()}
    notes = [line["finding"] for line in here.run("doctor", "--json").lines[:-1]]
    assert any(stranger in text for text in notes)
    here.psql("bulkhead", f"drop role {stranger}")
    assert here.run("doctor", DATABASE_URL="postgresql://x@127.0.0.1:1/x", DB_CONNECT_RETRIES="1").status == 10
    here.psql("bulkhead", f"alter role {here.name} nocreaterole")
    assert any("CREATEROLE" in line["advice"] for line in problems())


# ---- while the API serves ----------------------------------------------------------------------------------------

class Load:
    """People of several tenants who read and write all the time; `unexpected` are the answers that are no 200 or 201."""

    def __init__(self, url, slugs):
        self.unexpected, self.served, self.stopping = [], 0, threading.Event()
        people = [Api(url, tenant=slug).sign_up() for slug in slugs for _ in range(3)]
        self.threads = [threading.Thread(target=self._work, args=(person,)) for person in people]

    def _work(self, person):
        while not self.stopping.is_set():
            for answer in (person.post("/api/tasks", {"title": "busy"}), person.get("/api/tasks")):
                self.served += 1
                if answer.status not in (200, 201):
                    self.unexpected.append(answer)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait(50)
        return self

    def wait(self, more):
        """Until so many more requests were served."""
        goal, end = self.served + more, time.monotonic() + PATIENCE
        while self.served < goal:
            assert time.monotonic() < end, f"{self.served} of {goal} requests"
            time.sleep(0.01)

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)


def signed_up(url):
    person = {"email": f"{unique('later')}@example.com", "password": "a long enough secret", "name": "Later"}
    return Api(url, tenant="acme").post("/api/auth/signup", person).status == 201


def test_all_tokens_of_a_tenant_end(stack):
    def works(person):
        return person.get("/api/tasks").status == 200

    people = [Api(stack.url, tenant="acme").sign_up() for _ in range(2)]
    elsewhere = Api(stack.url, tenant="default").sign_up()
    assert all(map(works, [*people, elsewhere]))
    changed, summary = (json.loads(line) for line in stack.migrate("tenant", "end-sessions", "acme", "--json").splitlines())
    assert changed["slug"] == "acme" and changed["status"] == "active" and summary["changed"] is True
    for person in people:
        wait_for(lambda person=person: {person.get("/api/tasks").status for _ in range(6)} == {401}, PATIENCE)  # every reactor
        login = Api(stack.url, tenant="acme").post("/api/auth/login", {"email": person.email, "password": LOGIN})
        assert works(person.asking(token=login.json["access_token"]))
    assert works(elsewhere)
    assert '"tenant.end-sessions"' in stack.migrate("tenant", "show", "acme", "--json")


def test_new_credentials_while_requests_run(stack):
    sealed = "select role_password_sealed, owner_password_sealed from tenants order by id"
    before = stack.control(sealed)
    with Load(stack.url, ["default", "acme"]) as load:
        for _ in range(3):
            lines = [json.loads(line) for line in stack.migrate("keys", "rotate", "--credentials", "--json").splitlines()]
            assert lines[-1] == {"rotated": 2, "failed": 0, "left": 0, "type": "summary"}
            load.wait(50)
    assert load.unexpected == []
    after = stack.control(sealed)
    assert not set(before.replace("|", "\n").split()) & set(after.replace("|", "\n").split())
    assert '"failed":0' in stack.migrate("status", "--json")
    # Whoever comes now has to log in with the new ones.
    stack.control("select pg_terminate_backend(pid) from pg_stat_activity where usename in (select role_name from tenants)")
    end = time.monotonic() + PATIENCE
    while not signed_up(stack.url):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_data_key_while_requests_run(stack):
    old, new = stack.env["DATA_KEY"], new_key()

    def api_with(port, **keys):
        where = {"BIND_ADDRESS": ADDRESS, "PORT": str(port), "OPS_BIND": ADDRESS, "OPS_PORT": str(free_port())}
        return Program(BIN / "bulkhead-api", environment=stack.env | where | keys)

    def rotate(**keys):
        done = subprocess.run([BIN / "bulkhead-migrator", "keys", "rotate"], env=stack.env | keys, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0 and "DATA_KEY_PREVIOUS can be removed" in done.stderr, done

    both, port = {"DATA_KEY": new, "DATA_KEY_PREVIOUS": old}, free_port()
    with api_with(port, **both) as program:
        program.wait_until_ready(f"http://{ADDRESS}:{port}", PATIENCE)
        with Load(f"http://{ADDRESS}:{port}", ["default", "acme"]) as load:
            rotate(**both)
            load.wait(50)
        assert load.unexpected == []
        assert program.stop() == 0
    port = free_port()
    with api_with(port, DATA_KEY=new) as program:
        api = program.wait_until_ready(f"http://{ADDRESS}:{port}", PATIENCE)
        api.asking(tenant="acme").sign_up()
        assert program.stop() == 0
    rotate(DATA_KEY=old, DATA_KEY_PREVIOUS=new)
    Api(stack.url, tenant="acme").sign_up()
