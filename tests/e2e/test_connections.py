# SPDX-License-Identifier: Apache-2.0
"""Database connections as operators see them: who has them, and how living processes share them."""
import re
import signal

from api_client import Api
from programs import wait_for


def pools(url):
    answer = Api(url).get("/debug/pools")
    assert answer.status == 200
    return answer.json


def test_debug_pools_names_tenants_and_no_secrets(stack, api):
    for tenant in ("default", "acme"):
        api.asking(tenant=tenant).sign_up()
    page = pools(stack.ops_url)
    assert {"control", "default", "acme"} <= {each["tenant"] for each in page["pools"]}
    for each in page["pools"]:
        assert not each["failing"] and each["last_failure"] == "" and each["waiting"] == 0
        assert re.fullmatch(r"\w+@127\.0\.0\.1:\d+/\w+", each["target"])
    totals = page["totals"]
    assert totals["open"] == sum(each["connections"] + each["connecting"] for each in page["pools"])
    assert totals["opened"] >= 3 and totals["budget"] >= totals["open"]
    assert totals["budget"] == sum(each["budget"] for each in page["reactors"])
    assert (page["silent_reactors"], page["left_out"]) == (0, 0)
    text = str(page)
    for secret in (stack.env["DATABASE_URL"].split(":")[2].split("@")[0], stack.env["JWT_SECRET"], "SCRAM"):
        assert secret not in text


def test_not_on_the_public_port(api):
    assert api.get("/debug/pools").status == 404


def test_metrics_without_tenants(stack):
    def series():
        lines = Api(stack.ops_url).get("/metrics").body.decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if line.startswith("bulkhead_db_"))
    assert set(series()) == {
        *(f'bulkhead_db_connections{{state="{state}"}}' for state in ("idle", "busy", "connecting")),
        "bulkhead_db_connections_budget", "bulkhead_db_waiting", "bulkhead_db_breakers_open",
        "bulkhead_db_connects_total", "bulkhead_db_connect_failures_total", "bulkhead_db_stolen_total",
        "bulkhead_db_wait_timeouts_total", "bulkhead_db_refused_total"}
    wait_for(lambda: float(series()['bulkhead_db_connections{state="idle"}']) >= 1)


# The private server admits 200 connections, 10 of which are for operators.
def test_processes_share_the_server_and_a_killed_one_is_forgotten(stack):
    def share():
        return pools(stack.ops_url)["budget"]
    before = share()
    assert before["room"] == 190 and before["share"] == before["most"]
    wait_for(lambda: share()["processes"] == 2, what=share)  # and the worker
    stack.launch_another_api(DB_POOL_MAX="400")
    wait_for(lambda: share()["processes"] == 3, what=share)
    page = pools(stack.ops_url)
    reason = page["budget"]
    assert reason["share"] == max(reason["room"] * reason["most"] // reason["wanted"], 2 * len(page["reactors"]))
    assert reason["share"] < before["share"]
    assert page["totals"]["budget"] <= max(reason["share"], 2 * len(page["reactors"]))

    killed = stack.services.pop()
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    wait_for(lambda: share()["processes"] == 2 and share()["share"] == before["share"], what=share)
