#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exporter by hand: pages, caching, limits, hostile clients, the text file, the unit file."""
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

import fakes
from fakes import probe
from rig.tap import main

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


class Exporter:
    """A running exporter; a context manager."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        self.process = subprocess.Popen(
            [fakes.PROBE, "exporter", "--listen", "127.0.0.1:0", *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=fakes.SECONDS)

    def get(self, path="/metrics", headers=None):
        """(status, headers, text) of one request."""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path),
                                         headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=fakes.SECONDS) as r:
                return r.status, r.headers, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def raw(self, text):
        """The answer to these bytes, up to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=fakes.SECONDS) as s:
            s.sendall(text)
            with s.makefile("rb") as f:
                return f.read().decode()

    def memory_kb(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


def promtool(text):
    return subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=False,
                          capture_output=True, timeout=fakes.SECONDS)


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["web", "db"]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)
        cls.exporter = Exporter(cls.fleet.directory).__enter__()
        cls.addClassCleanup(cls.exporter.__exit__, None, None, None)

    def test_promtool_accepts_the_page_without_a_complaint(self):
        status, headers, text = self.exporter.get()
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn('mvm_up{vm="web",target="%s"} 1\n' % self.fleet.path("web"), text)
        self.assertIn("# TYPE mvm_service_restarts_total counter\n", text)
        done = promtool(text)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        self.assertNotEqual(promtool(text.replace("# TYPE mvm_up gauge", "# TYPE mvm_up x"))
                            .returncode, 0, "the check can fail")

    def test_openmetrics_by_accept(self):
        _, headers, text = self.exporter.get(headers=OPENMETRICS)
        self.assertTrue(headers["Content-Type"].startswith("application/openmetrics-text"))
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn("# TYPE mvm_service_restarts counter\n", text)

    def test_service_discovery_leads_to_each_guest(self):
        groups = json.loads(self.exporter.get("/sd")[2])
        self.assertEqual([g["labels"]["__meta_mvm_name"] for g in groups], ["db", "web"])
        self.assertEqual(groups[0]["targets"], ["127.0.0.1:%d" % self.exporter.port])
        path = groups[0]["labels"]["__param_target"]
        status, _, text = self.exporter.get("/metrics?target=" + path.replace("/", "%2F"))
        self.assertEqual(status, 200)
        self.assertEqual(re.findall(r'(?m)^mvm_up\{vm="(\w+)"', text), ["db"])

    def test_only_known_guests_are_asked(self):
        self.assertEqual(self.exporter.get("/metrics?target=/etc/passwd")[0], 404)
        self.assertEqual(self.exporter.get("/metrics?target=%zz")[0], 400)
        self.assertEqual(self.exporter.get("/else")[0], 404)
        self.assertIn("/metrics", self.exporter.get("/")[2])

    def test_what_is_no_request_is_refused(self):
        for request, status in (
                (b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
                (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
                (b"GET metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                (b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", 505),
                (b"GET /metrics\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
                (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
                (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431)):
            answer = self.exporter.raw(request)
            self.assertTrue(answer.startswith("HTTP/1.1 %d " % status), (request[:60], answer))
        head = self.exporter.raw(b"HEAD / HTTP/1.0\r\n\r\n")
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n") and head.endswith("\r\n\r\n"))

    def test_silent_clients_do_not_keep_others_out(self):
        with socket.create_connection(("127.0.0.1", self.exporter.port)) as silent:
            silent.sendall(b"GET / HT")
            self.assertEqual(self.exporter.get("/")[0], 200)

    def test_the_text_file(self):
        path = os.path.join(self.fleet.directory, "mvm.prom")
        probe("exporter", "--textfile", path, self.fleet.directory)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.assertEqual(promtool(text).returncode, 0)
        self.assertIn("mvm_exporter_targets 2\n", text)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644, "node_exporter may read it")
        os.unlink(path)
        self.assertIn("/nonexistent/x: ", probe("exporter", "--textfile", "/nonexistent/x",
                                                self.fleet.directory, status=3).stderr)

    def test_a_bad_address_says_which(self):
        for address in ("9477", "x:9477", "127.0.0.1:99999", "[::1:80"):
            done = probe("exporter", "--listen", address, status=2)
            self.assertIn("--listen: '%s' is not an address and port" % address, done.stderr)
        done = probe("exporter", "--listen", "127.0.0.1:%d" % self.exporter.port, status=2)
        self.assertIn("cannot listen at 127.0.0.1:%d: Address" % self.exporter.port, done.stderr)


class Life(unittest.TestCase):
    def test_asked_twice_at_once_asks_the_guests_once(self):
        with fakes.Fleet(["web"]) as fleet, Exporter(fleet.directory) as exporter:
            guest = fleet.guests["web"]
            both_wait = threading.Event()
            answer = fakes.HEALTHY["Metrics"]
            guest.answers["Metrics"] = lambda _: both_wait.wait(fakes.SECONDS) and answer
            with concurrent.futures.ThreadPoolExecutor() as pool:
                first = pool.submit(exporter.get)
                second = pool.submit(exporter.get)
                # The exporter serves in order: with this answered, both requests are read.
                while len(guest.requests) == 0 or exporter.get("/")[0] != 200:
                    pass
                both_wait.set()
                self.assertEqual(first.result()[2], second.result()[2])
            self.assertEqual(guest.requests, ["Metrics"])

    def test_vms_come_and_go(self):
        with fakes.Fleet(["a", "b"]) as fleet, Exporter(fleet.directory) as exporter:
            def seen():
                # Each guest alone has no cache; the discovery has none either.
                return [g["labels"]["__meta_mvm_name"]
                        for g in json.loads(exporter.get("/sd")[2])]
            self.assertEqual(seen(), ["a", "b"])
            gone = fleet.path("a")
            fleet.stop("a")
            fleet.start("c")
            self.assertEqual(seen(), ["b", "c"])
            self.assertEqual(exporter.get("/metrics?target=" + gone)[0], 404)

    def test_a_guest_that_hangs_costs_its_time_only(self):
        with fakes.Fleet(["good", "hangs"]) as fleet, Exporter(fleet.directory) as exporter:
            fleet.guests["hangs"].answers["Metrics"] = None
            text = exporter.get(headers={"X-Prometheus-Scrape-Timeout-Seconds": "2"})[2]
            self.assertEqual(dict(re.findall(r'(?m)^mvm_up\{vm="(\w+)".*\} (\d)$', text)),
                             {"good": "1", "hangs": "0"})

    def test_a_host_without_vms_is_no_error(self):
        with Exporter("/nonexistent/*") as exporter:
            self.assertIn("mvm_exporter_targets 0\n", exporter.get()[2])
            self.assertEqual(json.loads(exporter.get("/sd")[2]), [])

    def test_a_thousand_guests(self):
        with fakes.Fleet(["vm%04d" % n for n in range(1000)]) as fleet:
            with Exporter("--timeout", "60s", fleet.directory) as exporter:
                text = exporter.get()[2]
                self.assertEqual(text.count("\nmvm_up{"), 1000)
                self.assertEqual(len(re.findall(r"(?m)^mvm_up\{.*\} 1$", text)), 1000)
                self.assertLessEqual(exporter.memory_kb(), 16 * 1024)


class Contrib(unittest.TestCase):
    def test_rules_and_configuration(self):
        directory = os.path.join(fakes.ROOT, "contrib", "prometheus")
        for kind, name in (("rules", "alerts.yml"), ("config", "scrape.yml")):
            done = subprocess.run(["promtool", "check", kind, os.path.join(directory, name)],
                                  check=False, capture_output=True, text=True,
                                  timeout=fakes.SECONDS)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_unit_file_runs_what_there_is(self):
        path = os.path.join(fakes.ROOT, "contrib", "systemd", "mvm-probe-exporter.service")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        words = re.search(r"(?m)^ExecStart=/usr/bin/mvm-probe (.*)$", text).group(1).split()
        words[words.index("--listen") + 1] = "bad"
        self.assertIn("'bad' is not an address", probe(*words, status=2).stderr)


if __name__ == "__main__":
    main()
