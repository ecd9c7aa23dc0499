# SPDX-License-Identifier: Apache-2.0
"""Mails as jobs: bulkhead-worker against a mail server (tests/support/smtp_server.py) that takes them, refuses them, is busy
or away. Each test has a worker of its own; the stack's is told to end first."""
import json
import pathlib
import signal
import sys

import pytest

from metrics_page import Metrics
from programs import wait_for
from worker_stack import WorkerCli, column, enqueue, state, wait_for_state, worker

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from smtp_server import SmtpServer  # noqa: E402

pytestmark = pytest.mark.usefixtures("own_workers")

RESET = {"to": "Ada@Example.org", "name": "Ada", "mail": {"reset": {"token": "s3cr3t-token", "valid_minutes": 60}}}
LINK = "https://app.example.com/reset-password?tenant=acme&token=s3cr3t-token"


@pytest.fixture()
def server():
    with SmtpServer() as listening:
        listening.start()
        yield listening
        listening.shutdown()


def mailing(stack, server, **settings):
    """A worker that sends through `server`."""
    return worker(stack, SMTP_URL=f"smtp://127.0.0.1:{server.port}", MAIL_FROM="Example <no-reply@example.com>",
                  APP_URL="https://app.example.com", APP_NAME="Example", **settings)


def errors(stack, job):
    return [each["reason"] for each in json.loads(column(stack, job, "errors"))]


def test_a_mail_arrives_once_in_text_and_html(stack, server):
    with mailing(stack, server) as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for_state(stack, job, "succeeded")
        alert = enqueue(stack, "mail.send", payload={
            "to": "bob@example.org", "mail": {"alert": {"title": "Your export is ready", "detail": "It has 3 tasks.",
                                                        "at": "2026-01-31T09:30:00Z", "page": "/exports"}}})
        wait_for_state(stack, alert, "succeeded")
        assert Metrics(running.ops)("bulkhead_mails_total", result="sent") == 2
    first, second = server.seen()["mails"]
    assert first["recipients"] == ["<ada@example.org>"] and first["to"] == [["Ada", "ada@example.org"]]
    assert first["from"] == [["Example", "no-reply@example.com"]] and first["defects"] == []
    assert first["headers"]["subject"] == "Choose a new password for Example"
    assert first["headers"]["message-id"] == f"<{job}@example.com>"
    assert first["parts"] == ["text/plain", "text/html"]
    assert LINK in first["text"] and LINK.replace("&", "&amp;") in first["html"]
    assert second["headers"]["list-unsubscribe"] == "<https://app.example.com/settings/notifications?tenant=acme>"
    assert json.loads(column(stack, job, "result")) == {"reply": 250}
    for word in ("example.org", "s3cr3t"):
        assert word not in running.output


def test_what_no_letter_is_is_refused_when_it_is_made(stack):
    for payload, place in (({"to": "ada@example.org", "mail": {}}, "/mail"), (RESET | {"to": "nobody"}, "/to"),
                           (RESET | {"cc": "eve@example.org"}, "/cc")):
        done = WorkerCli(stack, "enqueue", "mail.send", "--tenant", "acme", "--payload", json.dumps(payload))
        assert done.status == 2 and place in done.stderr


def test_a_busy_server_gets_it_later(stack, server):
    server.set_rule("rcpt", "451 4.7.1 <ada@example.org> greylisted", 1)
    with mailing(stack, server) as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for_state(stack, job, "succeeded")
    assert len(server.seen()["mails"]) == 1 and column(stack, job, "attempt") == "2"
    assert errors(stack, job) == ["the mail server did not take it for now (reply 451)"]
    assert "451 4.7.1 <***> greylisted" in running.output and "ada@" not in running.output.lower()


def test_what_is_refused_for_good_is_not_tried_again(stack, server):
    server.set_rule("rcpt", "550 5.1.1 <Ada@example.org>: nobody here")
    with mailing(stack, server) as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for_state(stack, job, "failed")
        assert Metrics(running.ops)("bulkhead_mails_total", result="refused") == 1
    assert column(stack, job, "attempt") == "1"
    assert errors(stack, job) == ["the mail server refused it: 550 5.1.1 <***>: nobody here"]
    shown = WorkerCli(stack, "jobs", "show", "--tenant", "acme", job)
    assert "550 5.1.1" in shown.stdout
    assert server.seen()["mails"] == [] and "ada@" not in running.output.lower()


def test_a_server_that_was_away_gets_it_when_it_is_back(stack):
    away = SmtpServer()
    away.socket.close()  # its port is known, and closed
    with mailing(stack, away) as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for(lambda: errors(stack, job))
        assert set(errors(stack, job)) == {"the mail server cannot be reached"}
        assert Metrics(running.ops)("bulkhead_mails_total", result="failed") >= 1
        with SmtpServer(port=away.port) as back:
            back.start()
            wait_for_state(stack, job, "succeeded")
            back.shutdown()
    assert [mail["recipients"] for mail in back.seen()["mails"]] == [["<ada@example.org>"]]


def test_a_link_that_has_expired_is_not_sent(stack, server):
    server.set_rule("rcpt", "451 4.3.2 later")
    with mailing(stack, server):
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for(lambda: errors(stack, job))
        stack.sql("acme", f"update jobs set created_at = created_at - interval '61 minutes' where id = '{job}'")
        wait_for_state(stack, job, "failed")
    assert errors(stack, job)[-1] == "the link in it does not work any more" and server.seen()["mails"] == []


def test_killed_after_the_mail_has_left_it_leaves_again_as_the_same_mail(stack, server):
    with mailing(stack, server, BULKHEAD_FAIL_POINT="mail.after-send", WORKER_THREADS="1") as doomed:
        job = enqueue(stack, "mail.send", payload=RESET)
        doomed.process.wait(60)
    assert doomed.process.returncode == -signal.SIGKILL and state(stack, job) == "running"
    with mailing(stack, server):
        wait_for_state(stack, job, "succeeded", seconds=90)
    mails = server.seen()["mails"]
    assert len(mails) == 2 and column(stack, job, "attempt") == "1"
    for name in ("message-id", "date", "subject"):
        assert mails[0]["headers"][name] == mails[1]["headers"][name]
    assert [mail["text"] for mail in mails] == [mails[0]["text"]] * 2


def test_a_stop_does_not_wait_for_a_silent_server(stack, server):
    """The mail that it has not taken yet is another worker's, and no attempt is lost."""
    server.set_rule("rcpt", "silence")
    with mailing(stack, server, SHUTDOWN_TIMEOUT="12s") as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for(lambda: any(each.startswith("RCPT") for each in server.seen()["commands"]))
        assert running.stop(seconds=60) == 0
    assert state(stack, job) == "waiting" and column(stack, job, "attempt") == "0" and errors(stack, job) == []
    server.set_rule("rcpt", None)
    with mailing(stack, server):
        wait_for_state(stack, job, "succeeded")
    assert len(server.seen()["mails"]) == 1


def test_without_a_server_development_logs_it(stack):
    with worker(stack) as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for_state(stack, job, "succeeded")
        assert Metrics(running.ops)("bulkhead_mails_total", result="logged") == 1
    assert "reset-password?tenant=acme&token=s3cr3t-token" in running.output.replace("\\u0026", "&")


def test_without_a_server_staging_leaves_it_to_a_worker_that_has_one(stack):
    with worker(stack, ENVIRONMENT="staging") as running:
        job = enqueue(stack, "mail.send", payload=RESET)
        wait_for(lambda: Metrics(running.ops)("bulkhead_jobs_total", kind="unknown", outcome="postponed") >= 1)
        assert state(stack, job) == "waiting" and column(stack, job, "attempt") == "0"
    assert "mails cannot be sent: set SMTP_URL" in running.output and "s3cr3t-token" not in running.output
