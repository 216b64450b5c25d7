# SPDX-License-Identifier: MIT
"""A real exporter and a real Prometheus that scrapes it, with the files of contrib/."""
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import fakes

CONTRIB = os.path.join(fakes.ROOT, "contrib")
DASHBOARD = os.path.join(CONTRIB, "grafana", "mvm.json")
CONFIGURATION = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["%(rules)s"]
scrape_configs:
  - job_name: mvm
    static_configs: [{targets: ["127.0.0.1:%(exporter)d"]}]
"""
EACH = """  - job_name: mvm-each
    http_sd_configs: [{url: "http://127.0.0.1:%(exporter)d/sd", refresh_interval: 1s}]
    relabel_configs: [{source_labels: [__meta_mvm_name], target_label: instance}]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def panels():
    with open(DASHBOARD, encoding="utf-8") as f:
        return json.load(f)["panels"]


def dashboard_queries():
    """The queries of the dashboard, as Grafana would send them for scrapes a second apart."""
    return [t["expr"].replace("$__rate_interval", "5s")
            for panel in panels() for t in panel["targets"]]


class Prometheus:
    """Scrapes the VMs in a directory, all at once and, with `each`, also one by one."""

    def __init__(self, directory, each=False):
        self.directory = directory
        self.configuration = CONFIGURATION + (EACH if each else "")
        self.data = tempfile.TemporaryDirectory(prefix="prometheus-")
        self.processes = []

    def __enter__(self):
        exporter = subprocess.Popen(
            [fakes.PROBE, "exporter", "--listen", "127.0.0.1:0", self.directory],
            stdout=subprocess.PIPE, text=True)
        self.processes.append(exporter)
        port = int(exporter.stdout.readline().split()[-1])
        path = os.path.join(self.data.name, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.configuration % {"exporter": port, "rules": os.path.join(
                CONTRIB, "prometheus", "alerts.yml")})
        self.address = "127.0.0.1:%d" % free_port()
        with open(os.path.join(self.data.name, "log"), "wb") as log:
            self.processes.append(subprocess.Popen(
                ["prometheus", "--config.file", path, "--web.listen-address", self.address,
                 "--storage.tsdb.path", os.path.join(self.data.name, "data")],
                stdout=log, stderr=log))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.communicate(timeout=fakes.SECONDS)
        self.data.cleanup()

    def api(self, path, **parameters):
        url = "http://%s/api/v1/%s?%s" % (self.address, path, urllib.parse.urlencode(parameters))
        try:
            with urllib.request.urlopen(url, timeout=fakes.SECONDS) as r:
                return json.load(r)["data"]
        except urllib.error.HTTPError as e:
            if e.code == 503:
                return {}           # it is not ready yet
            raise AssertionError("%s: %s" % (url, e.read().decode())) from e
        except (urllib.error.URLError, ConnectionError):
            return {}               # it does not listen yet

    def query(self, text):
        return self.api("query", query=text).get("result", [])

    def wait(self, text, count):
        """Wait until a query has this many results (None: any); they."""
        deadline = time.monotonic() + fakes.SECONDS
        while True:
            found = self.query(text)
            if len(found) == count or (count is None and found):
                return found
            if time.monotonic() > deadline:
                raise AssertionError("%s: %s" % (text, found))
            time.sleep(0.2)     # the server tells nobody when it has scraped
