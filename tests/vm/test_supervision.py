#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Restarts: conditions and delays, and no process of the run before is left. In virtual time."""
import re

import cases
from rig.tap import main

# A start takes time, too, even when an instruction takes 8 ns.
SLACK = 0.3


class Restarts(cases.SharedBoot):
    """Two minutes of services that end in all ways."""

    options = {"virtual_time": True}
    AGAIN = "restart in"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "cat", "cp")
        crash = "/bin/acts clock start + /bin/facts exit 3"
        guest.service("crash", crash)
        guest.service("quick", crash, restart_delay="1s", restart_delay_max="4s")
        guest.service("segv", "/bin/facts crash")
        for name, what in (("good", "exit 0"), ("bad", "exit 1"), ("term", "crash 15"),
                           ("kill", "crash 9")):
            for policy in ("always", "on-failure", "never"):
                guest.service("%s-%s" % (name, policy), "/bin/facts " + what, restart=policy)
        # Three short runs, a long one, and a short one.
        guest.tree.file("/bin/lives", "#!/bin/sh\nread n </tmp/$1 || n=0\necho $((n + 1)) >/tmp/$1\n"
                        "echo life $n\n[ $n != 3 ] || sleep $2\nexit 1\n", mode=0o755)
        guest.service("reset", "/bin/lives reset 12")
        guest.service("no-reset", "/bin/lives no-reset 8")
        # A program that is installed later.
        guest.service("late", "/tmp/late echo here at last + sleep")
        guest.service("maker", "sleep 10; cp /bin/facts /tmp/late; exec sleep 100000")
        procs = "/bin/acts count /sys/fs/cgroup/services/%s/cgroup.procs"
        guest.service("leaves", procs % "leaves" + " + leave")
        guest.service("daemon", procs % "daemon" + " + /bin/facts daemon")
        guest.service("group", procs % "group" + " + /bin/facts children 20 + exit 0")
        guest.service("orphans", "/bin/acts orphans 50 + nap 1000 + zombies + /bin/facts sleep")

    @classmethod
    def observe(cls, machine):
        for _ in range(12):
            machine.console.wait_line(r"\[init\] crash: exit code 3 .*", timeout=100)
        for service in ("daemon", "leaves", "group"):
            machine.console.rewind()
            for _ in range(5):
                machine.console.wait_line("%s: count: .*" % service)

    def said(self, name):
        """Lines of PID 1 about a service."""
        return [l[len(name) + 2:] for l in self.output.init() if l.startswith(name + ": ")]

    def starts(self, name):
        """Seconds between its starts."""
        times = [float(c.split()[1]) for c in self.output.facts(name, "clock")]
        return [b - a for a, b in zip(times, times[1:])]

    def assert_delays(self, name, expected):
        starts = self.starts(name)
        self.assertGreaterEqual(len(starts), len(expected))
        for n, (seconds, delay) in enumerate(zip(starts, expected)):
            self.assertGreaterEqual(seconds, 0.9 * delay, "restart %d" % (n + 1))
            self.assertLessEqual(seconds, 1.1 * delay + SLACK, "restart %d" % (n + 1))

    def test_delays_double_up_to_30_seconds(self):
        self.assert_delays("crash", [min(0.1 * 2 ** n, 30) for n in range(11)])

    def test_delays_are_not_all_alike(self):
        """Without jitter, two services that crash together would do so for ever."""
        self.assertGreater(len({round(d, 1) for d in self.starts("crash")[9:]} |
                               {round(d, 1) for d in self.starts("quick")[2:12]}), 3)

    def test_delays_of_the_service_file(self):
        self.assert_delays("quick", [1, 2] + [4] * 15)

    def test_each_restart_is_said(self):
        said = self.said("crash")
        self.assertRegex(said[0], r"^exit code 3 after \d\.\d s, restart in 0\.1 s$")
        for n, line in enumerate(said[1:], 2):
            self.assertRegex(line, r"^exit code 3 after \d\.\d s, restart in \d+\.\d s "
                                   r"\(number %d in a row\)$" % n)

    def test_a_signal_is_named(self):
        self.assertRegex(self.said("segv")[0],
                         r"^signal 11 \(Segmentation fault\) after \d\.\d s, restart in 0\.1 s$")

    def test_restart_policies(self):
        """An end by TERM is a success, as in systemd; by KILL it is not."""
        for name, policy, again in (
                ("good", "always", True), ("good", "on-failure", False), ("good", "never", False),
                ("bad", "always", True), ("bad", "on-failure", True), ("bad", "never", False),
                ("term", "always", True), ("term", "on-failure", False), ("term", "never", False),
                ("kill", "always", True), ("kill", "on-failure", True), ("kill", "never", False)):
            with self.subTest("%s, restart = %s" % (name, policy)):
                said = self.said("%s-%s" % (name, policy))
                self.assertEqual(any(self.AGAIN in l for l in said), again)
                self.assertEqual(len(said) > 1, again)

    def test_a_failure_for_good_is_said_once(self):
        for name in ("bad", "kill"):
            said = self.said(name + "-never")
            self.assertEqual(len(said), 1)
            self.assertTrue(said[0].endswith(", not started again"), said)

    def test_a_good_end_for_good_needs_no_words(self):
        for name in ("good-never", "good-on-failure", "term-never"):
            self.assertEqual(self.said(name), [])

    def delays_said(self, name):
        return [float(re.search(r"restart in (\d+\.\d) s", l).group(1)) for l in self.said(name)]

    def test_a_long_life_forgets_the_failures(self):
        delays = self.delays_said("reset")
        self.assertLessEqual(delays[0], 0.2)
        self.assertGreaterEqual(delays[2], 0.3)
        self.assertLessEqual(delays[3], 0.2)
        self.assertNotIn("in a row", self.said("reset")[3])

    def test_a_shorter_life_does_not(self):
        self.assertGreaterEqual(self.delays_said("no-reset")[3], 0.7)
        self.assertIn("(number 4 in a row)", self.said("no-reset")[3])

    def test_a_program_that_comes_later(self):
        self.assertRegex(self.said("late")[0], "^exec /tmp/late: No such file or directory, "
                                               r"restart in (2[7-9]|3[0-3])\.\d s$")
        self.assertEqual(len(self.said("late")), 1)
        self.assert_line("late", "here at last")

    def test_nothing_of_the_last_life_is_left(self):
        """No child in its own session, no daemon that ignores signals, and none of 20 children."""
        for name in ("leaves", "daemon", "group"):
            counts = self.output.facts(name, "count")
            self.assertGreaterEqual(len(counts), 5)
            self.assertEqual(set(counts), {"/sys/fs/cgroup/services/%s/cgroup.procs 1" % name})

    def test_orphans_are_reaped(self):
        self.assert_line("orphans", "orphans: 50")
        self.assert_line("orphans", "zombies: 0")


class Stops(cases.GuestCase):
    """Stopped and frozen services can act on TERM. A script needs no #! line."""

    def test_stopped_and_frozen(self):
        guest = self.guest(agent=False)
        guest.busybox("sh", "sleep", "kill", "rm")
        answers = "trap 'echo heard; exit 0' TERM; echo begins $0; "
        waits = "while :; do sleep 0.1; done"
        guest.tree.file("/bin/script", answers + waits + "\n", mode=0o755)
        guest.service("script", "script", stop_timeout="100s")
        guest.service("stopped", answers + "kill -STOP $$; " + waits, stop_timeout="100s")
        guest.service("frozen", answers + "echo 1 > /sys/fs/cgroup/services/frozen/cgroup.freeze; "
                      + waits, user="root", stop_timeout="100s")
        guest.service("removes", "while ! grep -q 1 /sys/fs/cgroup/services/frozen/cgroup.freeze || "
                      "! grep -q T /proc/$(cat /sys/fs/cgroup/services/stopped/cgroup.procs)/stat; "
                      "do sleep 0.1; done; cd /etc/mvm/services.d; rm script.ini stopped.ini "
                      "frozen.ini; kill -HUP 1; exec sleep 10000", user="root")
        guest.busybox("grep", "cat")
        machine = self.boot(guest)
        machine.console.wait_line("script: begins /bin/script")
        for name in ("script", "stopped", "frozen"):
            machine.console.rewind()
            machine.console.wait_line(name + ": heard")


class PreStart(cases.SharedBoot):
    """pre_start: as root, before every start, and not for longer than a minute. In virtual time."""

    options = {"virtual_time": True}
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000)
        guest.service("web", "/bin/facts id + read /run/web.made + exit 0", user="web",
                      pre_start="/bin/facts id + fds + write /run/web.made", restart_delay="1s",
                      env={"A": "1"})
        guest.service("fails", "/bin/facts echo never", pre_start="/bin/facts echo pre + exit 5")
        guest.service("absent", "/bin/facts echo never", pre_start="/bin/absent")
        guest.service("crashes", "/bin/facts echo never", pre_start="/bin/facts crash")
        guest.service("hangs", "/bin/facts echo never",
                      pre_start="/bin/acts clock start + /bin/facts stubborn")
        guest.service("slow", "/bin/acts clock command + /bin/facts sleep",
                      pre_start="/bin/acts clock pre + nap 55000")
        guest.service("once", "/bin/facts echo never", pre_start="/bin/facts exit 1",
                      restart="never")
        guest.service("others", "/bin/acts clock at + /bin/facts sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line(r"\[init\] hangs: pre_start: .*", timeout=100)
        machine.console.wait_line("hangs: clock: .*")
        machine.console.rewind()
        machine.console.wait_line("slow: clock: command .*")

    def test_it_is_root_and_the_command_is_not(self):
        ids = [l.split()[0] for l in self.output.facts("web", "id") if l.startswith("uid=")]
        self.assertGreaterEqual(len(ids), 4)
        self.assertEqual(ids[:4], ["uid=0", "uid=1000", "uid=0", "uid=1000"])

    def test_it_has_all_capabilities(self):
        self.assertIn("CapEff 000001ffffffffff", self.output.facts("web", "id")[:8])

    def test_what_it_makes_is_there(self):
        self.assert_line("web", "read: /run/web.made ok written")

    def test_it_has_only_three_descriptors(self):
        self.assertEqual(len(self.output.text.split("web: fd-end:")[0].split("web: fd: ")), 4)

    def test_a_failure_is_a_failed_start(self):
        self.assert_init(r"fails: pre_start: exit code 5, restart in 0\.1 s")
        self.assert_init(r"fails: pre_start: exit code 5, restart in 0\.2 s \(number 2 in a row\)")
        self.assert_init(r"crashes: pre_start: signal 11 \(Segmentation fault\), "
                         r"restart in 0\.1 s")
        self.assert_init(r"absent: pre_start: exec /bin/absent: No such file or directory, "
                         r"restart in (2[7-9]|3[0-3])\.\d s")
        self.assert_init("once: pre_start: exit code 1, not started again")

    def test_the_command_does_not_run_after_it(self):
        for name in ("fails", "absent", "crashes", "hangs", "once"):
            self.assertNotIn("never", self.output.lines(name))

    def test_it_is_killed_after_a_minute(self):
        self.assertIn("hangs: pre_start takes longer than 60 s: killed", self.output.init())
        self.assert_init(r"hangs: pre_start: signal 9 \(Killed\), restart in 0\.1 s")
        first, second = (float(c.split()[1]) for c in self.output.facts("hangs", "clock")[:2])
        self.assertGreaterEqual(second - first, 60)
        self.assertLess(second - first, 60 + 1)

    def test_it_is_not_killed_before(self):
        pre, command = (float(c.split()[1]) for c in self.output.facts("slow", "clock"))
        self.assertGreaterEqual(command - pre, 55)
        self.assertLess(command - pre, 56)

    def test_it_delays_nobody_else(self):
        self.assertLess(float(self.output.facts("others", "clock")[0].split()[1]),
                        float(self.output.facts("hangs", "clock")[0].split()[1]) + 1)


if __name__ == "__main__":
    main()
