# SPDX-License-Identifier: Apache-2.0
"""Workers for a test to kill, and jobs for them: on the stack's servers, or on servers of the test's own."""
import contextlib
import json
import re
import subprocess

from programs import ADDRESS, Program, free_port, wait_for

TERMINAL = ("succeeded", "failed", "cancelled")


class WorkerCli:
    """One call of bulkhead-worker by an operator."""

    def __init__(self, stack, *arguments, **settings):
        done = subprocess.run([stack.bin / "bulkhead-worker", *arguments], env=stack.env | settings, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr

    def objects(self):
        return [json.loads(line) for line in self.stdout.splitlines()]


def enqueue(stack, kind, tenant="acme", payload=None, *options, **settings):
    """The id of a new job."""
    done = WorkerCli(stack, "enqueue", kind, "--tenant", tenant, "--payload", json.dumps(payload or {}), *options, **settings)
    assert done.status == 0, done.stderr
    return done.stdout.strip()


def column(stack, job, name, tenant="acme"):
    return stack.sql(tenant, f"select {name} from jobs where id = '{job}'").strip()


STATES = ["waiting", "running", "succeeded", "failed", "cancelled"]


def state(stack, job, tenant="acme"):
    number = column(stack, job, "state", tenant)
    return STATES[int(number)] if number else None


def wait_for_state(stack, job, wanted, tenant="acme", seconds=60):
    wait_for(lambda: state(stack, job, tenant) == wanted, seconds)


def effects(stack, job, tenant="acme"):
    return int(stack.sql(tenant, f"select count(*) from exercise_effects where job = '{job}'"))


def make_effects_table(stack, tenant="acme"):
    """Where jobs of the kind test.exercise leave what they have done."""
    role = stack.control(f"select role_name from tenants where slug = '{tenant}'")
    stack.sql(tenant, f"create table if not exists exercise_effects (job uuid not null);"
                      f"grant select, insert on exercise_effects to {role}")


@contextlib.contextmanager
def worker(stack, **settings):
    """A worker that ends with the block; worker.ops is the URL of its operator's port."""
    port = str(free_port())
    environment = stack.env | {"OPS_BIND": ADDRESS, "OPS_PORT": port} | settings
    with Program(stack.bin / "bulkhead-worker", environment=environment) as program:
        program.ops = f"http://{ADDRESS}:{port}"
        program.wait_until_ready(program.ops, 120)
        yield program


def redis_cli(stack, *arguments):
    password, port = re.search(r"//:(.*)@[^:]*:(\d+)/", stack.env["REDIS_URL"]).groups()
    return subprocess.run(["redis-cli", "-p", port, *arguments], env={"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": password},
                          check=True, capture_output=True, text=True).stdout
