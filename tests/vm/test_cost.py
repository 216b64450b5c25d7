#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a guest costs in instructions has not grown: tests/bench/cost.py, against costs.json."""
import os
import sys
import unittest

from rig import build
from rig.tap import main, x86_64_only

sys.path.insert(0, os.path.join(build.ROOT, "tests", "bench"))
import cost  # noqa: E402


@x86_64_only("the committed figures are of that machine")
class Cost(unittest.TestCase):
    """Each figure is at most 2 % above the committed one, where the host has no part in it."""

    def check(self, name, now):
        was = cost.committed()[name]
        print("# %s: %d instructions, committed %d" % (name, now, was))
        self.assertGreater(now, 0)
        self.assertLessEqual(now, cost.bound(name, was),
                             "%s has grown from %d instructions to %d; if that is wanted: "
                             "tests/bench/cost.py --write" % (name, was, now))

    def test_start_of_one_service(self):
        self.check("start 1", cost.start(1))

    def test_start_of_a_hundred_services(self):
        self.check("start 100", cost.start(100))

    @unittest.skipUnless("COST_STARTS" in os.environ, "make soak starts a thousand")
    def test_start_of_a_thousand_services(self):
        self.check("start 1000", cost.start(1000))

    def test_an_idle_hour_and_a_health_check(self):
        idle, check = cost.hours()
        self.check("idle hour", idle)
        self.check("health check", check)

    def test_ping(self):
        new, kept = cost.pings()
        self.check("ping, new", new)
        self.check("ping, kept", kept)


if __name__ == "__main__":
    main()
