#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Services that read their configuration again, at the host's word or by themselves."""
import json
import re
import subprocess

import cases
import protocol
from rig import build, images
from rig.tap import main

WAITS = "while :; do sleep 1; done"
SECONDS = 100
SHORT = "3s"          # for a start, too, on a busy machine


def config_drive():
    tree = images.Tree()
    tree.file("/security-policy.json", json.dumps({"access": {"debug_exec": True}}), mode=0o444)
    return tree


class ServiceReload(cases.SharedBoot):
    """One guest with a service for each way; the tests ask in turn."""

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "kill", "id", "printf", "cat")
        guest.drive("mvm-config", tree=config_drive(), readonly=True)
        guest.service("hup", "trap 'echo again' HUP; echo up; " + WAITS, reload_signal="SIGHUP")
        guest.service("tells", "trap '/bin/acts notify RELOADING=1; echo reads; /bin/acts notify' "
                      "USR1; /bin/acts notify; " + WAITS, ready="notify", reload_signal="USR1")
        guest.service("silent", "trap '/bin/acts notify' HUP; /bin/acts notify; " + WAITS,
                      ready="notify", reload_signal="HUP", start_timeout=SHORT)
        guest.tree.file("/bin/tell-late", "#!/bin/sh\n/bin/acts notify 'RELOADING=1\nMONOTONIC_USEC="
                        "1000'\n/bin/acts notify\n", mode=0o755)
        guest.service("old-word", "trap /bin/tell-late HUP; /bin/acts notify; " + WAITS,
                      ready="notify", reload_signal="HUP", start_timeout=SHORT)
        guest.service("by-command", WAITS, reload_command="echo main $MAINPID; id; cat /proc/self/cgroup")
        guest.service("fails", WAITS, reload_command="/bin/sh -c 'exit 3'")
        guest.service("absent", WAITS, reload_command="/bin/absent -x")
        guest.service("hangs", WAITS, reload_command="sleep 1000 & sleep 1000", start_timeout=SHORT)
        guest.service("daemon", "(trap 'echo again' HUP; sh -c 'sleep 1000' & echo runs; " + WAITS +
                      ") & exit 0", type="forking", reload_signal="HUP")
        guest.service("two", "(" + WAITS + ") & (" + WAITS + ") & exit 0", type="forking",
                      reload_signal="HUP")
        guest.service("plain", WAITS)
        guest.service("ended", "exit 0", restart="never", reload_signal="HUP")
        guest.service("dies", WAITS, restart="never", reload_command="kill -9 $MAINPID; sleep 1000")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")
        for name, line in (("hup", "up"), ("daemon", "runs")):
            machine.console.rewind()
            machine.console.wait_line("%s: %s" % (name, line))

    def reload(self, service, status=0):
        done = subprocess.run([build.built("mvm-probe"), "reload", "--json",
                               self.machine.vsock_path, service],
                              stdout=subprocess.PIPE, text=True, check=False, timeout=SECONDS)
        self.assertEqual(done.returncode, status, done.stdout)
        return json.loads(done.stdout)["detail"]

    def service(self, name):
        services = protocol.ask(self.machine, "Services")["Services"]["services"]
        return next(s for s in services if s["name"] == name)

    def wait_line(self, regex):
        self.machine.console.rewind()
        return self.machine.console.wait_line(regex, SECONDS)

    def causes(self, name):
        """What has happened to a service, as "before > after: cause"."""
        request = {"Events": {"service": name, "position": 0}}
        events = protocol.ask(self.machine, request)["Events"]["events"]
        return ["%s > %s: %s" % (e["before"], e["after"], e["cause"]) for e in events]

    def assert_fails(self, name, reason):
        pid = self.service(name)["pid"]
        self.assertRegex(self.reload(name, status=1), "^%s$" % reason)
        self.wait_line(r"\[init\] %s: reload failed: %s" % (name, reason))
        self.assertEqual((self.service(name)["state"], self.service(name)["pid"]), ("running", pid))

    def test_a_signal_goes_to_the_main_process(self):
        pid = self.service("hup")["pid"]
        self.assertIsNone(self.reload("hup"))
        self.wait_line("hup: again")
        self.assertEqual(self.service("hup")["pid"], pid)

    def test_who_tells_is_waited_for(self):
        for _ in range(2):
            self.assertIsNone(self.reload("tells"))
            self.assertEqual(self.causes("tells")[-2:],
                             ["running > reload: reload", "reload > running: ready"])
        self.wait_line("tells: reads")

    def test_ready_alone_does_not_tell(self):
        self.assert_fails("silent", "no READY=1 within start_timeout")

    def test_a_word_from_before_does_not_tell(self):
        self.assert_fails("old-word", "no READY=1 within start_timeout")

    def test_a_command_runs_as_the_service_does(self):
        self.assertIsNone(self.reload("by-command"))
        self.wait_line("by-command: main %d" % self.service("by-command")["pid"])
        self.wait_line(r"by-command: uid=900.*")
        self.wait_line("by-command: 0::/services/by-command")

    def test_a_command_that_fails_changes_nothing(self):
        self.assert_fails("fails", "reload_command: exit code 3")
        self.assert_fails("absent", "reload_command: exec /bin/absent: No such file or directory")

    def test_a_command_that_hangs_is_killed_with_what_it_has_started(self):
        before = self.service("hangs")["tasks"]
        self.assert_fails("hangs", "reload_command takes longer than start_timeout: killed")
        self.assert_fails("hangs", "reload_command takes longer than start_timeout: killed")
        self.assertLessEqual(self.service("hangs")["tasks"], before)

    def test_a_daemon_s_main_process_is_found(self):
        self.assertIsNone(self.reload("daemon"))
        self.wait_line("daemon: again")
        self.assertRegex(self.reload("two", status=1), "^which process is the main one is not known")

    def test_what_cannot_be_reloaded(self):
        self.assertEqual(self.reload("plain", status=1), "it has no reload_signal or reload_command")
        self.assertEqual(self.reload("ended", status=1), "it does not run")
        self.assertEqual(self.reload("nobody", status=1), "no such service")

    def test_a_service_that_ends_meanwhile(self):
        self.assertEqual(self.reload("dies", status=1), "the service has ended")
        # The answer comes with the end of the main process; the rest of the cgroup is killed after.
        protocol.until(lambda: self.service("dies"), lambda s: s["state"] == "failed")
        self.assertIn("reload > stop-sigkill: exited", self.causes("dies"))


class Own(cases.GuestCase):
    """RELOADING=1 without anybody's request, in virtual time."""

    def test_it_is_up_meanwhile_and_has_start_timeout(self):
        guest = self.guest()
        guest.busybox("sh", "sleep")
        guest.service("web", "/bin/acts notify; sleep 1; /bin/acts notify RELOADING=1; sleep 3; "
                      "/bin/acts notify; sleep 1; /bin/acts notify RELOADING=1; sleep 1000",
                      ready="notify", start_timeout="5s", restart="never")
        guest.service("late", "/bin/facts echo up + sleep", on_boot_delay="3s", requires="web")
        machine = self.boot(guest, virtual_time=True)
        machine.console.wait_line("late: up")
        machine.console.rewind()
        self.wait_init(machine, "web: RELOADING=1, but no READY=1 within start_timeout")
        self.assertEqual(len(re.findall(r"^\[init\] web: ", machine.console.text, re.M)), 1)

    def test_a_watchdog_goes_on_meanwhile(self):
        guest = self.guest()
        guest.busybox("sh", "sleep")
        guest.service("web", "/bin/acts notify; /bin/acts notify RELOADING=1; for i in 1 2 3; do sleep "
                      "1; /bin/acts notify WATCHDOG=1; done; sleep 1000",
                      ready="notify", start_timeout="1h", watchdog="2s", restart="never")
        machine = self.boot(guest, virtual_time=True)
        self.wait_init(machine, "web: no WATCHDOG=1 for 2000 ms: aborted")


if __name__ == "__main__":
    main()
