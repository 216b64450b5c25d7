#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Busy or idle: what services do counts, and what the agent runs does not, even while it runs."""
import time

import cases
import mvm_client
import protocol
from rig.tap import main

SAMPLES = 4             # of a second of the guest's time each, or more


class Activity(cases.GuestCase):
    def started(self, prepare):
        guest = self.guest("squashfs")
        guest.agent_json(busy_threshold=0.5, sample_interval_secs=1)
        prepare(guest)
        machine = self.boot(guest)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        self.client = mvm_client.Client(machine.vsock_path)

    def samples(self):
        """What it says over the next spans of time, each longer than the sample interval."""
        for _ in range(SAMPLES):
            begin = self.uptime_ms()
            while self.uptime_ms() - begin < 1100:
                time.sleep(0.1)         # the length of the span is what is asked for
            yield self.client.worker_status()

    def uptime_ms(self):
        return self.client.call_own("Metrics")["guest"]["uptime_ms"]

    def test_a_check_that_never_rests(self):
        self.started(lambda guest: guest.integration(
            "spins", health_cmd="/bin/acts spin", health_timeout_secs=3600))
        protocol.until(lambda: self.client.call_own("Metrics")["agent"]["commands"],
                       lambda n: n == 1)
        protocol.until(self.client.worker_status, lambda w: w["status"] == "idle")
        self.assertEqual({w["status"] for w in self.samples()}, {"idle"})

    def test_a_service_that_never_rests(self):
        self.started(lambda guest: guest.service("spins", "/bin/acts spin"))
        protocol.until(self.client.worker_status, lambda w: w["status"] == "busy")
        for status in self.samples():
            self.assertEqual(status["status"], "busy")
            self.assertRegex(status["last_busy_at"], "^20")

    def test_nobody_does_anything(self):
        self.started(lambda guest: guest.service("rests", "/bin/facts sleep"))
        protocol.until(self.client.worker_status, lambda w: w["status"] == "idle")
        self.assertEqual({w["status"] for w in self.samples()}, {"idle"})


if __name__ == "__main__":
    main()
