# SPDX-License-Identifier: Apache-2.0
"""A stack for tests that break the queue: its Redis keeps an append-only file, its workers come and go as the test says, and
what jobs have done can be counted."""
import contextlib
import time

from conftest import PATIENCE, Stack
from programs import ADDRESS, Program, free_port, wait_for
from worker_stack import WorkerCli, make_effects_table, redis_cli

TENANTS = ("acme", "default")


class QueueHouse(Stack):
    """An API, and no worker until a test starts one."""

    def __init__(self, folder):
        super().__init__(folder)
        self.workers = []

    def start(self):
        redis_cli(self, "config", "set", "appendonly", "yes")
        redis_cli(self, "config", "rewrite")  # for the next start
        self.migrate("up")
        self.migrate("tenant", "create", "default", "--if-absent")
        self.create_tenant("acme")
        for tenant in TENANTS:
            make_effects_table(self, tenant)
        self.launch("bulkhead-api", OPS_PORT=str(self.ports[1].number)).wait_until_ready(self.url)

    def stop(self):
        for worker in self.workers:
            worker.__exit__()
        super().stop()

    def begin_worker(self, **settings):
        """One that runs until the test ends it, with the house at the latest; not ready yet."""
        port = str(free_port())
        worker = Program(self.bin / "bulkhead-worker",
                         environment=self.env | {"OPS_BIND": ADDRESS, "OPS_PORT": port, "WORKER_THREADS": "1"} | settings)
        worker.ops = f"http://{ADDRESS}:{port}"
        self.workers = [each for each in self.workers if each.process.poll() is None] + [worker]
        return worker

    def start_worker(self, **settings):
        worker = self.begin_worker(**settings)
        worker.wait_until_ready(worker.ops, PATIENCE)
        return worker

    @contextlib.contextmanager
    def another_api(self, **settings):
        """An API on ports of its own; program.url."""
        port, ops_port = str(free_port()), str(free_port())
        environment = self.env | {"BIND_ADDRESS": ADDRESS, "PORT": port, "OPS_BIND": ADDRESS, "OPS_PORT": ops_port,
                                  "API_THREADS": "1"} | settings
        with Program(self.bin / "bulkhead-api", environment=environment) as program:
            program.url = f"http://{ADDRESS}:{port}"
            program.wait_until_ready(program.url, PATIENCE)
            yield program

    def tenant_id(self, tenant):
        return self.control(f"select id from tenants where slug = '{tenant}'")

    def number(self, tenant, statement):
        return int(self.sql(tenant, statement))

    def hint(self, tenant, seconds=0.0):
        """What an API leaves in Redis before it commits a job."""
        redis_cli(self, "zadd", "bh:q:hints", f"{(time.time() + seconds) * 1000:.0f}", self.tenant_id(tenant))

    def cut_off(self, tenant):
        """Ends all connections to the tenant's database but our own."""
        database = self.database_url(tenant).rsplit("/", 1)[1]
        self.control(f"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{database}'")

    def in_redis(self):
        """Jobs that Redis knows of, whatever their state."""
        lanes = [lane for lane in WorkerCli(self, "jobs", "stats", "--json").objects() if "lane" in lane]
        return sum(lane[name] for lane in lanes for name in ("waiting", "delayed", "running"))

    def expect_sound(self):
        """Nothing is left in Redis, and nothing in it contradicts itself."""
        wait_for(lambda: self.in_redis() == 0, 60)
        checked = WorkerCli(self, "jobs", "fsck")
        assert checked.status == 0, checked.stdout
