#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Services with a schedule, and start limits. In virtual time."""
import cases
from rig.tap import main

SLACK = 0.5


class Schedule(cases.SharedBoot):
    """Six minutes."""

    root = "squashfs"
    options = {"virtual_time": True}
    JOB = "/bin/acts clock at + "

    @classmethod
    def prepare(cls, guest):
        job = {"restart": "never"}
        guest.service("now", cls.JOB + "/bin/facts sleep")
        guest.service("once", cls.JOB + "/bin/facts sleep", on_boot_delay="90s")
        guest.service("minutely", cls.JOB + "/bin/facts exit 0", on_interval="1min", **job)
        guest.service("both", cls.JOB + "/bin/facts exit 0", on_boot_delay="30s",
                      on_interval="100s", **job)
        guest.service("fails", cls.JOB + "/bin/facts exit 1", on_interval="2min", **job)
        guest.service("long", cls.JOB + "nap 150000 + clock end + /bin/facts exit 0",
                      on_interval="1min", **job)
        guest.service("oneshot", cls.JOB + "/bin/facts exit 0", on_interval="70s", type="oneshot")
        guest.service("end", "/bin/acts nap 365000 + /bin/facts echo done + sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("end: done", timeout=120)

    def times(self, name, word="at"):
        """Seconds since the services were started."""
        begin = float(self.output.facts("now", "clock")[0].split()[1])
        return [float(c.split()[1]) - begin for c in self.output.facts(name, "clock")
                if c.split()[0] == word]

    def assert_times(self, name, expected, word="at"):
        times = self.times(name, word)
        self.assertEqual(len(times), len(expected), times)
        for seconds, wanted in zip(times, expected):
            self.assertAlmostEqual(seconds, wanted, delta=SLACK)

    def test_on_boot_delay(self):
        self.assert_times("once", [90])

    def test_on_interval(self):
        self.assert_times("minutely", [60, 120, 180, 240, 300, 360])

    def test_both(self):
        self.assert_times("both", [30, 130, 230, 330])

    def test_a_failure_does_not_end_it(self):
        self.assert_times("fails", [120, 240, 360])

    def test_a_oneshot_is_done_again(self):
        self.assert_times("oneshot", [70, 140, 210, 280, 350])

    def test_never_two_at_once(self):
        """A start that is due while the service runs is skipped."""
        self.assert_times("long", [60, 240])
        self.assert_times("long", [210], "end")


class StartLimit(cases.SharedBoot):
    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        crash = "/bin/acts clock at + /bin/facts exit 1"
        guest.service("limited", crash, start_limit="3", start_limit_interval="1min")
        guest.service("slow", "/bin/acts clock at + nap 6000 + /bin/facts exit 1", start_limit="3",
                      start_limit_interval="10s")
        guest.service("behind", "/bin/facts echo never", requires="limited")
        guest.service("end", "/bin/acts nap 60000 + /bin/facts echo done + sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("end: done", timeout=120)

    def test_it_stays_failed(self):
        self.assertEqual(len(self.output.facts("limited", "clock")), 1 + 3)
        self.assert_init(r"limited: exit code 1 after \d\.\d s, not started again")

    def test_below_the_limit_it_goes_on(self):
        self.assertGreaterEqual(len(self.output.facts("slow", "clock")), 5)
        self.assert_init("slow: .*, not started again", count=0)


class StartLimitAction(cases.GuestCase):
    def limited(self, **keys):
        guest = self.guest("squashfs")
        guest.drive("mvm-data")
        guest.service("limited", "/bin/facts exit 1", start_limit="2", **keys)
        guest.service("other", "/bin/acts trap bye")
        machine = self.boot(guest)
        self.wait_init(machine, "limited: exit code 1 .*, not started again")
        self.wait_init(machine, "limited has hit its start limit: shutting down the guest")
        return machine

    def assert_reset(self, machine):
        self.wait_init(machine, "goodbye")
        self.assertEqual(machine.wait(), 0)
        self.assertIn("trap: bye", self.output(machine).lines("other"))
        self.assertEqual([e["data"]["reason"] for e in machine.events()
                          if e["event"] == "SHUTDOWN"], ["guest-reset"])

    def test_reboot(self):
        self.assert_reset(self.limited(start_limit_action="reboot"))

    def test_exit(self):
        machine = self.limited(start_limit_action="exit", start_limit_exit_code="42")
        self.wait_init(machine, "guest exit code 42")
        self.assert_reset(machine)


if __name__ == "__main__":
    main()
