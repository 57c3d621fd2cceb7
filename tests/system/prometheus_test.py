#!/usr/bin/env python3
"""A real Prometheus scrapes a node under load; every expression of the dashboard and of the rules is evaluated."""

import json
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import harness
from harness import NodeTest, wait_until

DEPLOY = harness.ROOT / "deploy"
PROMETHEUS = shutil.which("prometheus") or "/usr/bin/prometheus"
PROMTOOL = shutil.which("promtool") or "/usr/bin/promtool"
# Alerts that a healthy node under load must not raise.
QUIET = {"InnkeeperDown", "InnkeeperNotReady", "InnkeeperStoreDown", "InnkeeperStoreFails", "InnkeeperActorsRestart",
         "InnkeeperHttpErrors", "InnkeeperLogsErrors", "InnkeeperProcessStartsFail", "InnkeeperRoomsGivenUp",
         "InnkeeperUnknownProcesses", "InnkeeperConnectionsRefused"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """A Prometheus of its own on a temporary directory, with the rules of deploy/ and a short interval."""

    def __init__(self, target):
        self.folder = Path(tempfile.mkdtemp(prefix="innkeeper-prometheus-"))
        rules = []
        for name in ("recording.yml", "alerts.yml"):
            shutil.copy(DEPLOY / "prometheus" / name, self.folder / name)
            rules.append(name)
        # JSON is YAML.
        (self.folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": rules,
            "scrape_configs": [{"job_name": "innkeeper", "static_configs": [{"targets": [target]}]}],
        }))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.output = open(self.folder / "output", "wb")
        self.child = subprocess.Popen(
            [PROMETHEUS, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address={self.url.removeprefix('http://')}"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)

    def __enter__(self):
        wait_until(self.ready, "Prometheus to be ready")
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ready(self):
        if self.child.poll() is not None:
            raise AssertionError("Prometheus ended:\n" + (self.folder / "output").read_text(errors="replace")[-2000:])
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        """The data of an API answer; ValueError with Prometheus's words when it refuses."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error).get("error", str(error))) from None

    def query(self, expression):
        return self.get("query", query=expression)["result"]

    def scrapes(self):
        found = self.query('count_over_time(up{job="innkeeper"}[10m])')
        return int(found[0]["value"][1]) if found else 0


def dashboard_expressions():
    """Every expression of the dashboard: (panel, expression), variables filled in as Grafana would."""
    board = json.loads((DEPLOY / "grafana" / "innkeeper.json").read_text())
    found = [(panel["title"], target["expr"])
             for panel in board["panels"] for target in panel.get("targets", [])]
    found += [("annotation " + one["name"], always(one["expr"])) for one in board["annotations"]["list"]]
    values = {"__rate_interval": "10s", "__interval": "5s", "__range": "1m",
              "instance": ".*", "region": ".*", "app": ".*"}
    return [(title, re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], expression))
            for title, expression in found]


def dashboard_variables():
    """(variable, selector, label) of the variables that ask Prometheus for their values."""
    board = json.loads((DEPLOY / "grafana" / "innkeeper.json").read_text())
    found = []
    for one in board["templating"]["list"]:
        if one["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", one["query"]["query"]).groups()
            found.append((one["name"], selector.replace("$region", ".*"), label))
    return found


def always(expression):
    """The expression with comparisons that answer 0 or 1, so that what they compare can be seen to be there."""
    return re.sub(r"(>=|<=|==|>|<) *(?=[0-9.])", r"\1 bool ", expression)


class Load:
    """Clients that keep rooms coming and going until they are told to stop."""

    def __init__(self, node, clients=4):
        self.node = node
        self.over = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(harness.PATIENCE * 2)

    def run(self):
        api = self.node.client
        try:
            while not self.over.is_set():
                room, _ = self.node.create_active()
                for answer in (api.info(room), api.suspend(room), api.resume(room)):
                    if answer.status >= 400:
                        raise AssertionError(answer)
                api.info("no-such-room")
                api.destroy(room)
                self.over.wait(0.02)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(repr(error))


class Monitoring(NodeTest):
    def test_every_expression_of_dashboard_and_rules_has_an_answer(self):
        node = self.node()
        with Prometheus(f"{node.client.host}:{node.client.port}") as prometheus, Load(node) as load:
            wait_until(lambda: prometheus.scrapes() >= 15, "15 scrapes", timeout=harness.PATIENCE * 2)
            self.check_expressions(prometheus)
            self.check_rules(prometheus)
        self.assertEqual(load.failures, [])

    def check_expressions(self, prometheus):
        wrong = []
        for title, expression in dashboard_expressions():
            try:
                if not prometheus.query(expression):
                    wrong.append(f"{title}: empty: {expression}")
            except ValueError as error:
                wrong.append(f"{title}: {error}: {expression}")
        for name, selector, label in dashboard_variables():
            if not prometheus.get(f"label/{label}/values", **{"match[]": selector}):
                wrong.append(f"variable {name}: no values")
        self.assertEqual(wrong, [])

    def check_rules(self, prometheus):
        def evaluated():
            found = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
            return found if found and all(rule["health"] != "unknown" for rule in found) else None

        rules = wait_until(evaluated, "every rule to be evaluated")
        wrong = []
        for rule in rules:
            if rule["health"] != "ok":
                wrong.append(f"{rule['name']}: {rule.get('lastError')}")
            elif not prometheus.query(always(rule["query"])):
                wrong.append(f"{rule['name']}: empty: {rule['query']}")
            if rule.get("state") == "firing" and rule["name"] in QUIET:
                wrong.append(f"{rule['name']}: fires on a healthy node")
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(sum(rule["type"] == "alerting" for rule in rules), 15)

    def test_promtool_has_nothing_to_say_about_the_page_of_a_node_that_has_worked(self):
        node = self.node()
        room, _ = node.create_active()
        node.client.destroy(room)
        page = node.client.get("/metrics", token=False)
        self.assertEqual(page.status, 200)
        self.assertTrue(page.headers["Content-Type"].startswith("text/plain"))
        judged = subprocess.run([PROMTOOL, "check", "metrics"], input=page.body, capture_output=True, check=False)
        self.assertEqual((judged.returncode, judged.stdout, judged.stderr), (0, b"", b""))

    def test_no_room_or_process_id_is_in_the_page(self):
        node = self.node()
        room, info = node.create_active(room="a-room-to-look-for")
        self.assertEqual(info["roomId"], room)
        process = node.client.info(room).json["currentAllocation"]["processId"]
        page = node.client.get("/metrics", token=False).body.decode()
        self.assertNotIn(room, page)
        self.assertNotIn(process, page)


class GoneNode(unittest.TestCase):
    def test_a_node_that_is_gone_is_seen_as_down(self):
        with Prometheus(f"127.0.0.1:{free_port()}") as prometheus:
            wait_until(lambda: prometheus.query('up{job="innkeeper"} == 0'), "the target to be down")
            wait_until(lambda: prometheus.query('ALERTS{alertname="InnkeeperDown"}'), "the alert to be pending")


if __name__ == "__main__":
    harness.main()
