#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Every system call of PID 1 fails, once with each plausible errno (tests/vm/payload/tracer.c): first
all of them in one life, then one fault in each. PID 1 goes on, runs what it can, and ends when it
is asked to.

FAULTS in the environment: how many lives with one fault, spread over the calls of a life; "all".
"""
import os
import re
import signal
import unittest

import cell
from rig import build
from rig.tap import main

FAULTS = os.environ.get("FAULTS", "6")
EVERY = 4               # in the life of many faults: calls between two of them,
BOOT = 300              # and calls before the first, so that there is a guest to disturb
NEVER = 1000000
PATIENCE_S, TRIES = 60, 30
NEW = "/etc/mvm/services.d/new%d.ini"


class FailingCalls(cell.CellCase):
    def setUp(self):
        super().setUp()
        self.files = 0
        if os.environ.get("NS_INIT"):
            raise unittest.SkipTest("a sanitizer gives up where memory does")

    def life(self, every, first):
        """A cell whose PID 1 is followed; services come up, are reloaded, and end with it."""
        guest = self.cell()
        guest.tree.copy(build.program("tracer"), "/bin/tracer")
        guest.facts("calm", "echo here + sleep")
        guest.service("brief", "/bin/facts echo once + exit 1", restart_delay="20ms", start_limit="3",
                      start_limit_interval="60s")
        guest.program = ["/bin/tracer", "boot", str(every), str(first), "/init"]
        guest.start()
        return guest

    drops = True            # a console that fails loses lines

    def settle(self, guest):
        """Asks for a new service until it is there: a reload, too, may meet a fault."""
        self.files += 1
        for attempt in range(TRIES):
            # Another text each time: a reload leaves a service alone whose file is the same.
            guest.write(NEW % self.files, "[service]\ncommand = /bin/facts echo here + sleep\n"
                        "restart_delay = 20ms\nrestart_delay_max = 100ms\n[env]\nATTEMPT = %d\n"
                        % attempt)
            guest.signal(signal.SIGHUP)
            try:
                guest.console.wait_line("new%d: here" % self.files, timeout=PATIENCE_S / TRIES)
                return
            except cell.TimedOut:
                continue
        self.fail("no new service\n" + guest.console.tail())

    def stop(self, guest):
        """It ends by itself, and says goodbye."""
        guest.signal(signal.SIGTERM)
        self.assertEqual(guest.wait(PATIENCE_S), cell.RESTARTED)

    def count(self, guest):
        """How many calls PID 1 has made so far; its tracer tells, and ends."""
        os.kill(guest.pid_of("bin/tracer boot"), signal.SIGTERM)
        guest.console.wait_line(r"tracer: \d+ of \d+ faults in \d+ calls of \d+ kinds")
        return int(re.search(r"faults in (\d+) calls", guest.console.text).group(1))

    def faults(self, guest):
        return re.findall(r"^tracer: call (\d+) fails: (.*)$", guest.console.text, re.M)

    def test_all_in_one_life(self):
        guest = self.life(EVERY, BOOT)
        for _ in range(5):
            self.settle(guest)
        self.count(guest)
        self.stop(guest)
        met = self.faults(guest)
        print("# %d faults, of %d calls" % (len(met), len({n for n, _ in met})))
        self.assertGreater(len(met), 40)
        self.assertEqual(len(set(met)), len(met))

    def test_one_in_each_life(self):
        guest = self.life(NEVER, NEVER)
        self.settle(guest)
        calls = self.count(guest)
        self.stop(guest)
        count = calls if FAULTS == "all" else int(FAULTS)
        for i in range(count):
            first = 1 + calls * i // count
            with self.subTest(first=first):
                guest = self.life(NEVER, first)
                self.settle(guest)
                self.stop(guest)
                self.assertLessEqual(len(self.faults(guest)), 1)


if __name__ == "__main__":
    main()
