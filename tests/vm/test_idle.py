#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What agent and PID 1 cost a guest that has nothing to do, or only its checks: wake-ups in an hour of
virtual time.
"""
import cases
from rig.tap import main

HOUR_S = 3600
# Its time has come; it has become its program, or its output has ended; it has ended.
WAKE_UPS_OF_A_CHECK = 3
SLACK = 2               # checks more or less, at the ends of the hour


class Idle(cases.SharedBoot):
    """No checks: nothing wakes anybody."""

    root = "squashfs"
    options = {"virtual_time": True}
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
    """One check and one probe, every 30 s: what is due wakes the agent, and never PID 1."""

    due = 2 * HOUR_S // 30

    @classmethod
    def prepare(cls, guest):
        super().prepare(guest)
        guest.integration("checked", health_cmd="/bin/facts exit 0", health_interval_secs=30)
        guest.probe("measured", cmd="/bin/facts exit 0", interval_secs=30)


if __name__ == "__main__":
    main()
