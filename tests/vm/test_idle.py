#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Wake-ups of the agent and PID 1 in an hour of virtual time, in a guest that is idle or has only checks.
"""
import cases
from rig.tap import main

HOUR_S = 3600
# Wake-ups of a check: its timer; the starter's answer; its exec, or the end of its output; its exit.
WAKE_UPS_OF_A_CHECK = 4
SLACK = 2               # checks more or less, at the ends of the hour


class Idle(cases.SharedBoot):
    """Without checks nothing wakes up."""

    root = "squashfs"
    options = {"virtual_time": True, "apic_timer": True}
    due = 0

    @classmethod
    def prepare(cls, guest):
        guest.service("web", "/bin/facts sleep")
        guest.service("looks", "/bin/acts nap 5000 + idle %d + /bin/facts sleep" % HOUR_S,
                      user="root")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("looks: idle-end: .*", timeout=600)

    def wake_ups(self, name):
        counts = [int(f.split(" +")[1]) for f in self.output.facts("looks", "idle")
                  if f.split(" +")[0] == name]
        self.assertEqual(len(counts), 1, self.output.facts("looks", "idle"))
        return counts[0]

    def test_the_agent(self):
        count = self.wake_ups("mvm-guest-agent")
        self.assertLessEqual(count, (self.due + SLACK) * WAKE_UPS_OF_A_CHECK if self.due else 0)
        self.assertGreaterEqual(count, self.due - SLACK)

    def test_pid_1(self):
        self.assertEqual(self.wake_ups("init"), 0)


class IdleWithChecks(Idle):
    """One check and one probe, every 30 s: they wake the agent, and never PID 1."""

    due = 2 * HOUR_S // 30

    @classmethod
    def prepare(cls, guest):
        super().prepare(guest)
        guest.integration("checked", health_cmd="/bin/facts exit 0", health_interval_secs=30)
        guest.probe("measured", cmd="/bin/facts exit 0", interval_secs=30)


if __name__ == "__main__":
    main()
