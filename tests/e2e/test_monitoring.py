# SPDX-License-Identifier: Apache-2.0
"""infra/prometheus and infra/grafana: rules that are valid, tried and explained, and that ask for nothing the programs do
not tell. A real Prometheus reads them at the end."""
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest
import yaml

from api_client import Api
from metrics_page import LABEL, SAMPLE
from programs import ADDRESS, Program, free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "infra" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
DASHBOARDS = sorted((ROOT / "infra" / "grafana" / "dashboards").glob("*.json"))
RUNBOOK = ROOT / "docs" / "operations.md"
SELECTOR = re.compile(r"\b((?:bulkhead|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
GIVEN = {"job", "instance"}  # by Prometheus, to everything it scrapes


def promtool(*arguments):
    assert shutil.which("promtool"), "promtool is missing; install it: apt-get install prometheus"
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def rules():
    return [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def targets():
    """(place, expression, legend) of all dashboards."""
    for file in DASHBOARDS:
        board = json.loads(file.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"]
        for note in board["annotations"]["list"]:
            yield f"{file.name}: {note['name']}", note["expr"], note["titleFormat"]


def test_promtool_takes_the_rules():
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: promtool("test", "rules", file), sorted((PROMETHEUS / "tests").glob("*.yml"))))


def test_every_alert_is_seen_firing():
    seen = set()
    for file in (PROMETHEUS / "tests").glob("*.yml"):
        for test in yaml.safe_load(file.read_text())["tests"]:
            for expected in test["promql_expr_test"]:
                seen |= set(re.findall(r'alertname="(\w+)"', json.dumps(expected["exp_samples"]).replace('\\"', '"')))
    assert seen == {alert["alert"] for alert in alerts()}


def test_every_alert_leads_to_its_runbook():
    sections = re.findall(r"^### (\w+)$", RUNBOOK.read_text().split("\n## Alerts\n")[1].split("\n## ")[0], re.M)
    assert len(set(sections)) == len(sections)
    assert set(sections) == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert
        assert alert["annotations"]["summary"], alert
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}", alert


def test_dashboards_are_well_formed(tmp_path):
    source = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]["uid"]
    boards = [json.loads(file.read_text()) for file in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) >= 3
    for file, board in zip(DASHBOARDS, boards):
        assert file.stem == board["uid"]
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(set(numbers)) == len(numbers)
        assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(board["panels"]))) == {source}
    listed = [{"record": "dashboard:expression", "labels": {"place": place}, "expr": expression} for place, expression, _ in targets()]
    (tmp_path / "expressions.yml").write_text(json.dumps({"groups": [{"name": "dashboards", "rules": listed}]}))
    promtool("check", "rules", "--lint=none", tmp_path / "expressions.yml")


# ---- What the programs tell ---------------------------------------------------------------------------------------------

def samples(url, path="/metrics"):
    answer = Api(url).get(path)
    assert answer.status == 200
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            name, labels, _ = SAMPLE.match(line).groups()
            yield name, dict(LABEL.findall(labels or ""))


@pytest.fixture(scope="module")
def told(stack, tmp_path_factory):
    """{metric: [labels]} of an API with all that settings bring, and a worker, after some requests."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key",
                    "-out", "cert", "-days", "2", "-subj", "/CN=localhost"], cwd=folder, check=True, capture_output=True)
    person = Api(stack.url).sign_up()
    assert person.get("/api/tasks").status == 200
    wait_for(lambda: any(name == "bulkhead_operations_total" for name, _ in samples(stack.worker_ops_url)))  # once counted
    assert person.get("/api/tasks", headers={"X-Request-Timeout-Ms": "0"}).status == 504
    ops_port = free_port()
    settings = {"BIND_ADDRESS": ADDRESS, "PORT": str(free_port()), "OPS_BIND": ADDRESS, "OPS_PORT": str(ops_port),
                "TLS_CERT_FILE": str(folder / "cert"), "TLS_KEY_FILE": str(folder / "key"),
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "SENTRY_DSN": "http://key@127.0.0.1:9/1"}
    found = {}
    with Program(stack.bin / "bulkhead-api", environment=stack.env | settings) as full:
        full.wait_until_ready(f"http://{ADDRESS}:{ops_port}", 120)
        for page in (samples(stack.ops_url), samples(stack.ops_url, "/tenant-metrics"), samples(stack.worker_ops_url),
                     samples(f"http://{ADDRESS}:{ops_port}")):
            for name, labels in page:
                found.setdefault(name, []).append(labels)
        full.process.terminate()
        full.process.wait(60)
    return found


def complaints(place, expression, words, told, recorded):
    labels_there = GIVEN | {"alertname", "alertstate", "severity"}
    for name in re.findall(r"\bbulkhead:[a-z0-9_:]+", expression):
        if name not in recorded:
            yield f"{place}: no rule records {name}"
    for name, matchers in SELECTOR.findall(expression):
        if name not in told:
            yield f"{place}: no program tells {name}"
            continue
        series = told[name]
        labels_there |= {label for labels in series for label in labels}
        for label, how, value in MATCHER.findall(matchers or ""):
            if label in GIVEN:
                continue
            values = {labels.get(label) for labels in series}
            if None in values:
                yield f"{place}: {name} has no label {label}"
            elif how == "=" and value not in values or how == "=~" and not any(re.fullmatch(value, each) for each in values):
                yield f"{place}: no series of {name} has {label}{how}{value}"
    wanted = {label.strip() for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for label in group.split(",")}
    wanted |= set(re.findall(r"\$labels\.(\w+)", words)) | set(re.findall(r"\{\{(\w+)\}\}", words))
    for label in wanted - labels_there:
        yield f"{place}: nothing has the label {label}"


def test_the_programs_tell_what_is_asked_for(told):
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = [(rule.get("alert") or rule["record"], rule["expr"], json.dumps(rule.get("annotations", {}))) for rule in rules()]
    wrong = [each for place in asked + list(targets()) for each in complaints(*place, told, recorded)]
    assert not wrong, "\n".join(wrong)


def test_what_is_scraped_seldom_is_asked_over_minutes(stack):
    """$__rate_interval is four scrapes of the others: there is never a second sample of this job in it."""
    jobs = {job["job_name"]: job for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]}
    assert jobs["bulkhead-tenants"]["scrape_interval"] == "60s"
    assert Api(stack.url).sign_up().get("/api/tasks").status == 200
    seldom = {name for name, _ in samples(stack.ops_url, "/tenant-metrics")}
    asked = [(file.name, target["expr"]) for file in DASHBOARDS for panel in json.loads(file.read_text())["panels"]
             for target in panel.get("targets", []) if seldom & set(re.findall(r"\w+", target["expr"]))]
    assert len(asked) >= 3
    for place, expression in asked:
        assert "$__rate_interval" not in expression, f"{place}: {expression}"


def test_complaints_are_made(told):
    for expression, words, expected in [
            ("bulkhead_nothing_total", "", "no program tells"), ("bulkhead:nothing", "", "no rule records"),
            ('bulkhead_jobs_total{outcome="lost it"}', "", "no series"), ('bulkhead_jobs_total{lane="bulk"}', "", "no label"),
            ("sum by (lane) (bulkhead_jobs_total)", "", "nothing has"), ("bulkhead_jobs_total", "{{lane}}", "nothing has")]:
        assert [expected in each for each in complaints("here", expression, words, told, set())] == [True], expression


def test_a_prometheus_reads_it_all(stack, tmp_path):
    """Its own configuration, with this stack's ports for the names that it looks up."""
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(file) for file in RULES]
    own = f"{ADDRESS}:{free_port()}"
    here = {"api": stack.ops_url, "worker": stack.worker_ops_url}
    for job in settings["scrape_configs"]:
        job.pop("scrape_interval", None)
        for lookup in job.pop("dns_sd_configs", []):
            assert lookup["port"] == (9000 if lookup["names"] == ["api"] else 9001)
            job["static_configs"] = [{"targets": [urllib.parse.urlsplit(here[name]).netloc for name in lookup["names"]]}]
        if job["job_name"] == "prometheus":
            job["static_configs"] = [{"targets": [own]}]
    (tmp_path / "prometheus.yml").write_text(json.dumps(settings))
    host, port = own.split(":")
    with Program("/usr/bin/prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                 f"--web.listen-address={own}", environment={}) as prometheus:
        def ask(path):
            try:
                with urllib.request.urlopen(f"http://{host}:{port}/api/v1/{path}", timeout=10) as answer:
                    return json.load(answer)["data"]
            except OSError:
                assert prometheus.process.poll() is None, prometheus.pieces
                return None

        def all_up():
            found = ask("query?query=up")
            return found and len(found["result"]) == len(settings["scrape_configs"]) and all(
                each["value"][1] == "1" for each in found["result"])
        wait_for(all_up)
        wait_for(lambda: all(rule["health"] == "ok" for group in ask("rules")["groups"] for rule in group["rules"]))
        assert [alert for alert in ask("alerts")["alerts"] if alert["state"] == "firing"] == []
        prometheus.process.terminate()
        prometheus.process.wait(30)
