#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order of starts and stops, readiness, and the effects of failures."""
import os
import re

import cases
from rig.tap import main

SOCKET = "/run/mvm-notify/"
SLACK = 0.5         # seconds of virtual time that starting a process may take


class Graph(cases.SharedBoot):
    """
    Three levels after a service that needs two seconds, the same after one that fails, cycles, unknown
    names, oneshots. In virtual time.
    """

    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        def clock(name, command="/bin/facts sleep", **keys):
            guest.service(name, "/bin/acts clock start + " + command, **keys)
        # db is ready after two seconds; api and web follow; beside is independent.
        clock("db", "nap 2000 + notify + clock ready + /bin/facts sleep", ready="notify")
        clock("api", requires="db")
        clock("web", requires="api", after="beside")
        clock("beside")
        # The same after one that fails for good, and after one that fails once.
        clock("dead", "/bin/facts exit 1", restart="never")
        clock("dead-2", requires="dead")
        clock("dead-3", requires="dead-2")
        clock("dead-after", after="dead")
        clock("dead-3-after", after="dead-3")
        clock("flaky", "nap 1000 + /bin/facts exit 1", type="oneshot", restart="on-failure")
        clock("flaky-after", after="flaky")
        clock("never-starts", command="/bin/absent", after="absent-program")
        guest.service("absent-program", "/bin/absent")
        clock("patient", requires="absent-program")
        # Cycles, names.
        clock("a", after="b")
        clock("b", requires="a")
        clock("c", after="a")
        clock("d", requires="b")
        clock("self", after="self")
        clock("x1", after="x2")
        clock("x2", after="x3")
        clock("x3", after="x1")
        clock("ghost-after", after="nobody")
        clock("ghost-requires", requires="nobody")
        # Oneshots.
        clock("setup", "nap 1500 + clock end + /bin/facts exit 0", type="oneshot")
        clock("after-setup", requires="setup")
        clock("setup-retries", "count /tmp/tries + /bin/facts write /tmp/tries + exit 1",
              type="oneshot", restart="on-failure", restart_delay="1s")
        clock("slow-setup", "nap 100000", type="oneshot", start_timeout="3s", restart="never")
        clock("slow-but-told", "nap 40000 + clock end", type="oneshot", start_timeout="0")
        # Readiness.
        clock("mute", ready="notify", start_timeout="4s", restart="never")
        clock("mute-2", requires="mute")
        clock("grandchild", "notify-child + /bin/facts sleep", ready="notify")
        clock("grandchild-2", requires="grandchild")
        clock("other-words", "notify STATUS=fine + notify XREADY=1 + notify READY=10 + nap 3000 + "
              "notify + /bin/facts sleep", ready="notify")
        clock("other-words-2", requires="other-words")
        clock("end", "nap 45000 + /bin/facts echo done + sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("end: done", timeout=120)

    def clocks(self, name, word="start"):
        return [float(c.split()[1]) for c in self.output.facts(name, "clock")
                if c.split()[0] == word]

    def clock(self, name, word="start"):
        clocks = self.clocks(name, word)
        self.assertEqual(len(clocks), 1, "%s of %s" % (word, name))
        return clocks[0]

    def assert_follows(self, later, earlier):
        self.assertGreaterEqual(later, earlier)
        self.assertLess(later - earlier, SLACK)

    def said(self, name):
        return [l[len(name) + 2:] for l in self.output.init() if l.startswith(name + ": ")]

    def test_each_level_follows_the_one_before(self):
        self.assertGreaterEqual(self.clock("db", "ready") - self.clock("db"), 1.99)
        self.assert_follows(self.clock("api"), self.clock("db", "ready") - 0.05)
        self.assert_follows(self.clock("web"), self.clock("api"))

    def test_who_need_not_wait_does_not(self):
        for name in ("beside", "ghost-after", "flaky", "setup", "mute", "end"):
            self.assertLess(abs(self.clocks(name)[0] - self.clock("db")), SLACK)

    def test_what_requires_a_dead_one_never_starts(self):
        self.assertRegex(self.said("dead")[0], "^exit code 1 .*, not started again$")
        self.assertEqual(self.said("dead-2")[0], "cannot start: it requires dead")
        self.assertEqual(self.said("dead-3")[0], "cannot start: it requires dead-2")
        for name in ("dead-2", "dead-3"):
            self.assertEqual(self.clocks(name), [])

    def test_what_only_comes_after_it_does(self):
        self.clock("dead-after")
        self.clock("dead-3-after")

    def test_after_a_failure_nobody_waits_any_more(self):
        self.assertGreaterEqual(self.clock("flaky-after"), self.clocks("flaky")[0] + 0.99)
        self.assertLess(self.clock("flaky-after"), self.clocks("flaky")[0] + 1 + SLACK)

    def test_what_requires_one_that_is_tried_again_waits(self):
        self.assertEqual(self.clocks("patient"), [])
        self.assertEqual(self.said("patient"), [])

    def test_cycles_break_those_in_them_only(self):
        for name in ("a", "b", "self", "x1", "x2", "x3"):
            with self.subTest(name):
                self.assertEqual(self.said(name),
                                 ["it comes after itself: after and requires form a cycle"])
                self.assertEqual(self.clocks(name), [])
        self.clock("c")
        self.assertEqual(self.said("d"), ["cannot start: it requires b"])

    def test_names_of_nobody(self):
        self.assertEqual(self.said("ghost-after"), ["after names no service: 'nobody'"])
        self.clock("ghost-after")
        self.assertEqual(self.said("ghost-requires"), ["requires names no service: 'nobody'"])
        self.assertEqual(self.clocks("ghost-requires"), [])

    def test_a_oneshot_is_up_when_it_is_done(self):
        self.assertGreaterEqual(self.clock("setup", "end") - self.clock("setup"), 1.49)
        self.assert_follows(self.clock("after-setup"), self.clock("setup", "end"))

    def test_a_oneshot_that_has_succeeded_is_not_repeated(self):
        self.assertEqual(len(self.clocks("setup")), 1)
        self.assertEqual(self.said("setup"), [])

    def test_a_oneshot_that_fails_is_tried_again(self):
        self.assertGreaterEqual(len(self.clocks("setup-retries")), 4)

    def test_a_oneshot_that_takes_too_long(self):
        self.assertEqual(self.said("slow-setup")[0], "not ready after 3 s: stopped")
        self.assertTrue(self.said("slow-setup")[-1].endswith(", not started again"))

    def test_a_oneshot_may_take_its_time_when_told(self):
        self.assertGreaterEqual(self.clock("slow-but-told", "end") - self.clock("slow-but-told"),
                                39.99)
        self.assertEqual(self.said("slow-but-told"), [])

    def test_one_that_never_says_that_it_is_ready(self):
        self.assertEqual(self.said("mute")[0], "not ready after 4 s: stopped")
        self.assertEqual(self.said("mute-2"), ["cannot start: it requires mute"])

    def test_a_grandchild_may_say_it(self):
        self.assert_line("grandchild", "notify: sent")
        self.assert_follows(self.clock("grandchild-2"), self.clock("grandchild"))

    def test_other_words_are_not_it(self):
        self.assertGreaterEqual(self.clock("other-words-2") - self.clock("other-words"), 2.99)


class Strangers(cases.SharedBoot):
    """READY=1 from other processes. In virtual time."""

    root = "squashfs"
    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000)
        guest.service("waits", "/bin/facts sleep", ready="notify", start_timeout="10s",
                      restart="never", user="web")
        guest.busybox("sh")
        forge = "/bin/acts nap 1000 + notify + /bin/facts sleep"
        there = {"NOTIFY_SOCKET": SOCKET + "waits"}
        guest.service("forges", forge, env=there)
        guest.service("forges-as-its-user", "/bin/acts nap 1000 + notify + notify READY=1 + "
                      "/bin/facts sleep", env=there, user="web")
        guest.service("forges-as-root", forge, env=there, user="root", ready="notify")
        guest.service("behind", "/bin/facts echo never", requires="waits")
        guest.service("told", "/bin/facts env + sleep", ready="notify", start_timeout="0")
        guest.integration("forger", health_cmd="NOTIFY_SOCKET=%swaits /bin/acts notify" % SOCKET)
        # Like systemd-notify in a script: the sender has ended and was reaped.
        for name in ("helped-1", "helped-2", "helped-3"):
            guest.service(name, "/bin/sh -c '/bin/acts notify; exec /bin/facts sleep'",
                          ready="notify")
            guest.service(name + "-behind", "/bin/facts echo up", requires=name, restart="never")
        # The first run sends its message and dies at once: it must not make the second run ready.
        guest.service("dies", "/bin/sh -c 'if [ -f /tmp/died ]; then exec /bin/facts sleep; fi; "
                      "echo >/tmp/died; /bin/acts notify; exit 1'", ready="notify",
                      start_timeout="5s")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line(r"\[init\] behind: .*")

    def test_only_its_own_processes_count(self):
        self.assert_init("waits: not ready after 10 s: stopped")
        self.assert_init("behind: cannot start: it requires waits")
        self.assertEqual(self.output.lines("behind"), [])

    def test_the_others_did_say_it(self):
        self.assertEqual(self.output.facts("forges", "notify"), ["Permission denied"])
        for name, count in (("forges-as-its-user", 2), ("forges-as-root", 1)):
            self.assertEqual(self.output.facts(name, "notify"), ["sent"] * count)
        self.assert_init(r"waits: READY=1 from process \d+ of forges-as-(?:root|its-user) ignored")

    def test_a_helper_that_has_ended_is_believed(self):
        for name in ("helped-1", "helped-2", "helped-3"):
            self.assertEqual(self.output.lines(name + "-behind"), ["up"])
            self.assert_init("%s: .*" % name, count=0)

    def test_a_message_counts_for_the_life_that_sent_it(self):
        self.assertIn("dies: not ready after 5 s: stopped", self.output.init())

    def test_who_may_say_it_is_told_where(self):
        self.assert_line("told", "env: NOTIFY_SOCKET=" + SOCKET + "told")


class ManyBoots(cases.GuestCase):
    """Twenty plain services beside a helper: ORDER_BOOTS boots, and no message is lost."""

    def test_no_readiness_is_lost(self):
        for number in range(int(os.environ.get("ORDER_BOOTS", "1"))):
            guest = self.guest("squashfs" if number % 2 else "ext4", agent=False)
            guest.busybox("sh", "sleep")
            for i in range(20):
                guest.service("plain-%02d" % i, "/bin/facts sleep")
            guest.service("helped", "/bin/sh -c '/bin/acts notify; exec sleep 1000'",
                          ready="notify")
            guest.facts("behind", "echo up", requires="helped")
            machine = self.boot(guest)
            machine.console.wait_line("behind: up")
            self.assertEqual([l for l in self.output(machine).init() if l.startswith("helped")], [])
            machine.close()


class Healthy(cases.SharedBoot):
    """ready = healthy and unhealthy_restart_after, with the agent's checks. In virtual time."""

    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "touch", "rm", "sed")
        guest.service("web", "rm -f /tmp/sick; sleep 3; touch /tmp/well; echo well; sleep 20; rm "
                      "/tmp/well; echo sick; exec sleep 1000000", ready="healthy",
                      unhealthy_restart_after="3")
        guest.integration("web", health_cmd="[ -f /tmp/well ]", health_interval_secs=2)
        guest.service("behind", "/bin/acts clock start + /bin/facts sleep", requires="web")
        guest.service("sickly", "/bin/facts sleep", ready="healthy", start_timeout="5s",
                      restart="never")
        guest.integration("sickly", health_cmd="exit 1", health_interval_secs=1)
        guest.service("unchecked", "/bin/facts sleep", ready="healthy", start_timeout="6s",
                      restart="never")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("web: well", timeout=100)
        machine.console.wait_line("behind: clock: .*", timeout=100)
        machine.console.wait_line("web: sick", timeout=100)
        machine.console.wait_line("web: well", timeout=100)

    def test_healthy_is_ready(self):
        self.assertGreaterEqual(float(self.output.facts("behind", "clock")[0].split()[1]), 3)

    def test_unhealthy_three_times_is_a_restart(self):
        lines = [l for l in self.output.init() if l.startswith("web: ")]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("3", lines[0])

    def test_never_healthy_is_never_ready(self):
        self.assert_init("sickly: not ready after 5 s: stopped")
        self.assert_init("unchecked: not ready after 6 s: stopped")


class Shutdown(cases.GuestCase):
    def test_who_started_last_stops_first(self):
        """Each service ends before TERM goes to the one that it needs."""
        guest = self.guest()
        guest.service("a-db", "/bin/acts trap bye")
        guest.service("b-api", "/bin/acts trap bye", requires="a-db")
        guest.service("c-web", "/bin/acts trap bye", after="b-api")
        guest.service("d-alone", "/bin/acts trap bye")
        machine = self.boot(guest)
        for name in ("c-web", "d-alone"):
            machine.console.rewind()
            machine.console.wait_line(name + ": trap: set")
        machine.ctrl_alt_del()
        self.assertEqual(machine.wait(), 0)
        order = re.findall(r"^(\S+): trap: bye$", machine.console.text, re.M)
        self.assertEqual([n for n in order if n != "d-alone"], ["c-web", "b-api", "a-db"])
        self.assertIn("d-alone", order)

    def test_one_that_resists_takes_no_more_than_its_time(self):
        """The last of a chain ignores TERM: those before it still get TERM, and the guest ends."""
        guest = self.guest("squashfs")
        guest.service("a-db", "/bin/acts trap bye")
        guest.service("b-api", "/bin/facts stubborn", requires="a-db")
        machine = self.boot(guest)
        machine.console.wait_line("b-api: stubborn: .*")
        machine.ctrl_alt_del()
        self.wait_init(machine, "b-api: does not stop on TERM: killed")
        self.wait_init(machine, "goodbye")
        self.assertEqual(machine.wait(), 0)


if __name__ == "__main__":
    main()
