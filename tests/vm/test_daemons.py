#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Daemons that go into the background, and services' sd_notify(3) messages."""
import json
import subprocess

import cases
from rig import build
from rig.tap import main


class Daemons(cases.SharedBoot):
    """Half a minute of daemons, in virtual time; then a shutdown."""

    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "kill", "mkdir")
        daemon = "(trap 'echo stops; exit 0' TERM; echo runs; while :; do sleep 1; done) & "
        guest.service("daemon", "sleep 2; " + daemon + "exit 0", type="forking")
        guest.service("follows", "/bin/facts echo begins + sleep", requires="daemon")
        guest.service("dies", "(sleep 3; exit 3) & exit 0", type="forking", restart="on-failure",
                      restart_delay="1h", restart_delay_max="1h")
        guest.service("ends", "(sleep 3; exit 0) & exit 0", type="forking", restart="on-failure")
        guest.service("no-start", "sleep 1000 & exit 4", type="forking", restart="never")
        guest.service("plain", "sleep 1000 & exit 0")
        guest.service("dog", "echo $WATCHDOG_USEC; for i in 1 2 3; do sleep 1; /bin/acts notify "
                      "WATCHDOG=1; done; echo hangs; sleep 1000", watchdog="2s", restart="never")
        guest.service("stopped-dog", "trap 'echo aborted; exit 1' ABRT; kill -STOP $$; sleep 1000",
                      watchdog="2s", restart="never")
        guest.service("quits", "trap 'echo quits; exit 0' QUIT; trap 'echo wrong' TERM; while :; do "
                      "sleep 1; done", stop_signal="SIGQUIT")
        guest.service("slow", "/bin/acts notify EXTEND_TIMEOUT_USEC=9000000; sleep 5; /bin/acts "
                      "notify; sleep 1000", ready="notify", start_timeout="2s")
        guest.service("follows-slow", "/bin/facts echo begins + sleep", requires="slow")
        guest.service("heir", "/bin/acts notify; (sleep 5; exit 6) & /bin/acts notify MAINPID=$!; "
                      "exit 0", ready="notify", restart="never")
        # Its new main process has another parent, which lives on.
        guest.service("no-heir", "/bin/acts notify; (sleep 3 & echo $! >/tmp/heir; wait; sleep 1000) "
                      "& sleep 1; read pid </tmp/heir; /bin/acts notify MAINPID=$pid; exit 4",
                      ready="notify", restart="never")
        guest.service("thief", "/bin/acts notify; /bin/acts notify MAINPID=1; exit 0",
                      ready="notify", restart="never")
        guest.service("leaves", "/bin/acts notify; /bin/acts notify STOPPING=1; sleep 2; echo left; "
                      "exit 0", ready="notify", restart="on-failure", stop_timeout="5s")
        # As a container engine does it: its processes are in groups of its own, one of them frozen.
        told = "trap 'echo %s told; exit 0' TERM; while :; do sleep 1; done"
        guest.service("nested", "mkdir $G/in $G/ice; echo 0 >$G/in/cgroup.procs; (" + told % "child" +
                      ") & echo $! >$G/ice/cgroup.procs; sleep 2; echo 1 >$G/ice/cgroup.freeze; " +
                      told % "parent", env={"G": "/sys/fs/cgroup/services/nested"}, user="root",
                      stop_timeout="5s")
        guest.service("ends-all", "sleep 30; kill 1", user="root")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line(r"\[init\] goodbye", timeout=100)
        machine.wait()

    def test_a_daemon_is_up_once_its_command_has_ended(self):
        self.assertLessEqual({"runs", "stops"}, set(self.output.lines("daemon")))
        self.assertEqual(self.output.lines("follows"), ["begins"])

    def test_the_end_of_a_daemon_is_its_last_process(self):
        self.assert_init(r"dies: exit code 3 after 3\.\d s, restart in .*", count=1)
        self.assert_init("ends: .*", count=0)

    def test_a_daemon_that_does_not_start(self):
        self.assert_init(r"no-start: exit code 4 after .*, not started again", count=1)

    def test_a_hint_is_given_once(self):
        self.assert_init("plain: .* needs type = forking", count=1)

    def test_a_watchdog(self):
        self.assertEqual(self.output.lines("dog")[0], "2000000")
        self.assertIn("hangs", self.output.lines("dog"))
        self.assert_init("dog: no WATCHDOG=1 for 2000 ms: aborted", count=1)

    def test_a_watchdog_of_a_stopped_process(self):
        self.assertEqual(self.output.lines("stopped-dog"), ["aborted"])

    def test_a_signal_of_its_own_stops_it(self):
        self.assertIn("quits", self.output.lines("quits"))
        self.assertNotIn("wrong", self.output.lines("quits"))

    def test_all_of_its_groups_are_told_to_stop(self):
        self.assertLessEqual({"child told", "parent told"}, set(self.output.lines("nested")))
        self.assert_init("nested: .*", count=0)

    def test_a_start_is_given_more_time(self):
        self.assertEqual(self.output.lines("follows-slow"), ["begins"])
        self.assert_init("slow: not ready .*", count=0)

    def test_another_main_process(self):
        self.assert_init(r"heir: exit code 6 after .*, not started again", count=1)
        self.assert_init("thief: .*", count=0)

    def test_a_main_process_that_is_nobodys_child(self):
        self.assert_init(r"no-heir: MAINPID=\d+ ignored: .*", count=1)
        self.assert_init("no-heir: exit code 4 after .*, not started again", count=1)

    def test_an_end_that_is_announced(self):
        self.assertEqual(self.output.lines("leaves")[-1], "left")
        self.assert_init("leaves: .*", count=0)


class Status(cases.GuestCase):
    def test_what_a_service_says_of_itself_is_shown(self):
        guest = self.guest()
        guest.service("talks", "/bin/acts notify 'STATUS=3 of 4\tloaded' + notify + /bin/facts sleep",
                      ready="notify")
        guest.facts("late", "echo up", requires="talks")
        machine = self.boot(guest)
        machine.console.wait_line("late: up")
        done = subprocess.run([build.built("mvm-probe"), "services", "--json", machine.vsock_path],
                              check=True, capture_output=True, text=True)
        reasons = {s["name"]: s.get("reason") for s in json.loads(done.stdout)["services"]}
        self.assertRegex(reasons["talks"], "^3 of 4.loaded$")


if __name__ == "__main__":
    main()
