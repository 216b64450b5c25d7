#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A real Prometheus server scrapes the exporter: twenty fake guests over real sockets, the alerts and
the dashboard of contrib/. The fakes answer as tests/vm/test_probe.py sees real guests answer.
"""
import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import fakes
from rig.tap import main

CONTRIB = os.path.join(fakes.ROOT, "contrib")
CONFIGURATION = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["%(rules)s"]
scrape_configs:
  - job_name: mvm
    static_configs: [{targets: ["127.0.0.1:%(exporter)d"]}]
  - job_name: mvm-each
    http_sd_configs: [{url: "http://127.0.0.1:%(exporter)d/sd", refresh_interval: 1s}]
    relabel_configs: [{source_labels: [__meta_mvm_name], target_label: instance}]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["vm%02d" % n for n in range(20)]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)
        cls.start = time.monotonic()
        for n, guest in enumerate(cls.fleet.guests.values()):
            guest.answers["Metrics"] = cls.growing(n)
        cls.exporter = subprocess.Popen(
            [fakes.PROBE, "exporter", "--listen", "127.0.0.1:0", cls.fleet.directory],
            stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end, cls.exporter)
        port = int(cls.exporter.stdout.readline().split()[-1])
        data = tempfile.TemporaryDirectory(prefix="prometheus-")
        cls.addClassCleanup(data.cleanup)
        path = os.path.join(data.name, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIGURATION % {"exporter": port, "rules": os.path.join(
                CONTRIB, "prometheus", "alerts.yml")})
        cls.address = "127.0.0.1:%d" % free_port()
        with open(os.path.join(data.name, "log"), "wb") as log:
            server = subprocess.Popen(
                ["prometheus", "--config.file", path, "--web.listen-address", cls.address,
                 "--storage.tsdb.path", os.path.join(data.name, "data")],
                stdout=log, stderr=log)
        cls.addClassCleanup(cls.end, server)

    @staticmethod
    def end(process):
        process.terminate()
        process.communicate(timeout=fakes.SECONDS)

    @classmethod
    def growing(cls, n):
        """Numbers that grow with time; guest 3 is in a crash loop."""
        def answer(_):
            seconds = int(time.monotonic() - cls.start)
            metrics = json.loads(json.dumps(fakes.HEALTHY["Metrics"]["Metrics"]))
            metrics["guest"]["cpu_us"] += seconds * 1000
            if n == 3:
                metrics["services"][0].update(state="auto-restart", failures=seconds,
                                              restarts=seconds)
            return {"Metrics": metrics}
        return answer

    def api(self, path, **parameters):
        url = "http://%s/api/v1/%s?%s" % (self.address, path, urllib.parse.urlencode(parameters))
        try:
            with urllib.request.urlopen(url, timeout=fakes.SECONDS) as r:
                return json.load(r)["data"]
        except urllib.error.HTTPError as e:
            raise AssertionError("%s: %s" % (url, e.read().decode())) from e
        except (urllib.error.URLError, ConnectionError):
            return {}               # it does not listen yet

    def query(self, text):
        return self.api("query", query=text).get("result", [])

    def wait(self, text, count):
        """Waits until a query has this many results (None: any); they."""
        deadline = time.monotonic() + fakes.SECONDS
        while True:
            found = self.query(text)
            if len(found) == count or (count is None and found):
                return found
            self.assertLess(time.monotonic(), deadline, "%s: %s" % (text, found))
            time.sleep(0.2)     # the server tells nobody when it has scraped

    def test_every_guest_is_scraped_both_ways(self):
        self.assertEqual(len(self.wait('mvm_up{job="mvm"} == 1', 20)), 20)
        self.assertEqual(len(self.wait('up{job="mvm-each"} == 1', 20)), 20)
        self.assertEqual(self.query('mvm_up{job="mvm-each"} == 0'), [])

    def test_the_queries_of_the_dashboard_have_results(self):
        with open(os.path.join(CONTRIB, "grafana", "mvm.json"), encoding="utf-8") as f:
            panels = json.load(f)["panels"]
        queries = [t["expr"] for panel in panels for t in panel["targets"]]
        self.assertGreater(len(queries), 8)
        for text in queries:
            with self.subTest(text):
                self.wait(text.replace("$__rate_interval", "5s"), None)

    def test_the_alerts_see_a_crash_loop_and_a_guest_that_is_gone(self):
        self.wait('ALERTS{alertname="MvmServiceCrashLoop",vm="vm03",job="mvm"}', 1)
        self.wait('mvm_up{job="mvm"} == 1', 20)
        self.fleet.guests["vm07"].answers["Metrics"] = b"no message"
        self.wait('ALERTS{alertname="MvmGuestUnreachable",vm="vm07",job="mvm"}', 1)
        self.assertEqual({alert["metric"]["vm"] for alert in self.query(
            'ALERTS{alertname=~"MvmGuestUnreachable|MvmServiceCrashLoop"}')}, {"vm03", "vm07"})
        self.fleet.guests["vm07"].answers["Metrics"] = self.growing(7)

    def test_a_vm_that_ends_disappears(self):
        self.wait('mvm_up{job="mvm",vm="vm19"}', 1)
        self.fleet.stop("vm19")
        self.addCleanup(self.fleet.start, "vm19")
        self.wait('mvm_up{job="mvm",vm="vm19"}', 0)


if __name__ == "__main__":
    main()
