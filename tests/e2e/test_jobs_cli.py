# SPDX-License-Identifier: Apache-2.0
"""bulkhead-worker jobs … and enqueue: what operators see and do."""
import re

import pytest

from worker_stack import WorkerCli, column, enqueue, state, wait_for_state

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_a_probe_goes_all_the_way(stack):
    job = enqueue(stack, "queue.probe", "acme", {"note": "hello"})
    assert UUID.fullmatch(job)
    wait_for_state(stack, job, "succeeded")
    shown = WorkerCli(stack, "jobs", "show", "--tenant", "acme", job, "--json")
    assert shown.status == 0 and shown.stderr == ""
    row, summary = shown.objects()
    assert row["id"] == job and row["state"] == "succeeded" and row["result"] == {"note": "hello"} and row["attempt"] == 1
    assert row["payload"] == {"note": "hello"} and row["lane"] == "critical" and row["errors"] == []
    assert summary == {"type": "summary"}
    text = WorkerCli(stack, "jobs", "show", "--tenant", "acme", job).stdout
    assert re.search(r"^state +succeeded$", text, re.MULTILINE)


def test_a_ping_is_kept_nowhere(stack):
    job = enqueue(stack, "queue.ping")
    assert state(stack, job) is None
    assert WorkerCli(stack, "jobs", "show", "--tenant", "acme", job).status == 1


def test_jobs_of_the_future_are_scheduled_explained_and_cancelled(stack):
    job = enqueue(stack, "queue.probe", "acme", {}, "--run-at", "2100-01-01T00:00:00Z", "--priority", "low")
    listed = WorkerCli(stack, "jobs", "list", "--tenant", "acme", "--state", "scheduled", "--json").objects()
    mine = [row for row in listed if row.get("id") == job]
    assert mine and mine[0]["priority"] == "low" and mine[0]["run_at"] == "2100-01-01T00:00:00.000Z"
    why = WorkerCli(stack, "jobs", "explain", "--tenant", "acme", job, "--json").objects()[0]
    assert why["state"] == "scheduled" and why["redis"] in ("delayed", "unknown")
    cancelled = WorkerCli(stack, "jobs", "cancel", "--tenant", "acme", job)
    assert cancelled.status == 0 and cancelled.stdout.strip() == job
    assert state(stack, job) == "cancelled"
    again = WorkerCli(stack, "jobs", "cancel", "--tenant", "acme", job)
    assert again.status == 1 and "not in a state" in again.stderr
    assert WorkerCli(stack, "jobs", "discard", "--tenant", "acme", job).status == 0
    assert state(stack, job) is None


def test_failed_jobs_are_tried_again_or_discarded(stack):
    job = enqueue(stack, "test.exercise", "acme", {"end": "give_up"})
    wait_for_state(stack, job, "failed")
    line = WorkerCli(stack, "jobs", "list", "--tenant", "acme", "--state", "failed", "--kind", "test.exercise").stdout
    assert job in line and "told to give up" in line
    stack.sql("acme", f"update jobs set payload = '{{}}' where id = '{job}'")
    mixed = WorkerCli(stack, "jobs", "retry", "--tenant", "acme", job, NOBODY)
    assert mixed.status == 3 and mixed.stdout.strip() == job and NOBODY in mixed.stderr
    wait_for_state(stack, job, "succeeded")
    other = enqueue(stack, "test.exercise", "acme", {"end": "give_up"})
    wait_for_state(stack, other, "failed")
    gone = WorkerCli(stack, "jobs", "discard", "--tenant", "acme", "--failed", "--kind", "test.exercise", "--json")
    assert gone.status == 0 and gone.objects()[-1]["done"] >= 1
    assert state(stack, other) is None and state(stack, job) == "succeeded"


def test_more_failed_jobs_than_are_discarded_at_a_time(stack):
    stack.sql("acme", "insert into jobs (id, kind, lane, payload, most_attempts, state, finished_at) select "
                      "gen_random_uuid(), 'test.crowd', 1, '{}', 3, 3, now() from generate_series(1, 1001)")
    command = ("jobs", "discard", "--tenant", "acme", "--failed", "--kind", "test.crowd", "--json")
    first = WorkerCli(stack, *command)
    assert first.status == 0 and first.objects()[-1]["done"] == 1000 and first.objects()[-1]["more"] is True
    assert "more have failed" in first.stderr
    second = WorkerCli(stack, *command)
    assert second.objects()[-1]["done"] == 1 and "more" not in second.objects()[-1] and second.stderr == ""


def test_one_open_job_has_a_unique_key(stack):
    options = ("--unique", "only-one", "--run-at", "2100-01-01T00:00:00Z")
    job = enqueue(stack, "queue.probe", "acme", {}, *options)
    second = WorkerCli(stack, "enqueue", "queue.probe", "--tenant", "acme", *options)
    assert second.status == 1 and "nothing was made" in second.stderr and second.stdout == ""
    assert WorkerCli(stack, "jobs", "cancel", "--tenant", "acme", job).status == 0


def test_stats_and_fsck(stack):
    lanes = WorkerCli(stack, "jobs", "stats", "--json").objects()
    assert [lane.get("lane") for lane in lanes] == ["critical", "default", "bulk", None]
    assert all(lane["waiting"] >= 0 and lane["dead"] >= 0 for lane in lanes[:3])
    assert "oldest" in WorkerCli(stack, "jobs", "stats").stdout.splitlines()[0]
    checked = WorkerCli(stack, "jobs", "fsck", "--json")
    assert checked.status == 0, checked.stdout
    assert checked.objects()[-1] == {"findings": 0, "repaired": False, "type": "summary"}


@pytest.mark.parametrize("arguments,message", [
    (["enqueue", "no.such", "--tenant", "acme"], "queue.ping, queue.probe"),
    (["enqueue", "queue.probe", "--tenant", "acme", "--payload", "{"], "--payload"),
    (["enqueue", "queue.probe", "--tenant", "acme", "--payload", '{"nope":1}'], "/nope"),
    (["enqueue", "queue.probe"], "--tenant is missing"),
    (["jobs", "list"], "--tenant is missing"),
    (["jobs", "eat"], "expected one of stats"),
])
def test_wrong_words_are_status_2(stack, arguments, message):
    done = WorkerCli(stack, *arguments)
    assert done.status == 2 and message in done.stderr and done.stdout == ""


def test_unknown_tenants_and_jobs_are_status_1(stack):
    assert WorkerCli(stack, "enqueue", "queue.probe", "--tenant", "nobody").status == 1
    assert WorkerCli(stack, "jobs", "show", "--tenant", "acme", NOBODY).status == 1
    assert column(stack, NOBODY, "id") == ""


def test_a_bad_configuration_is_status_78(stack):
    assert WorkerCli(stack, "jobs", "stats", QUEUE_SHARDS="0").status == 78


def test_help(stack):
    done = WorkerCli(stack, "jobs", "--help")
    assert done.status == 0 and "jobs stats" in done.stdout
    assert "jobs --help" in WorkerCli(stack, "--help").stdout
