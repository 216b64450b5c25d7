#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A real Prometheus server scrapes the exporter: twenty fake guests over real sockets, the alerts and
the dashboard of contrib/. The fakes answer as tests/vm/test_probe.py sees real guests answer.
"""
import json
import time
import unittest

import fakes
from prometheus_server import Prometheus, dashboard_queries
from rig.tap import main


class Scraped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fakes.Fleet(["vm%02d" % n for n in range(20)]).__enter__()
        cls.addClassCleanup(cls.fleet.__exit__, None, None, None)
        cls.start = time.monotonic()
        for n, guest in enumerate(cls.fleet.guests.values()):
            guest.answers["Metrics"] = cls.growing(n)
        cls.server = Prometheus(cls.fleet.directory, each=True).__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.wait, cls.query = cls.server.wait, cls.server.query

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

    def test_every_guest_is_scraped_both_ways(self):
        self.assertEqual(len(self.wait('mvm_up{job="mvm"} == 1', 20)), 20)
        self.assertEqual(len(self.wait('up{job="mvm-each"} == 1', 20)), 20)
        self.assertEqual(self.query('mvm_up{job="mvm-each"} == 0'), [])

    def test_the_queries_of_the_dashboard_have_results(self):
        queries = dashboard_queries()
        self.assertGreater(len(queries), 8)
        for text in queries:
            with self.subTest(text):
                self.wait(text, None)

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
