#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What each program of ours may do, seen in /proc and tried: the table of SECURITY.md.

FEATURES_KERNEL in the environment: a kernel with Landlock, where the agent's rules for files hold.
"""
import os
import re

import cases
import protocol
from rig import build
from rig.tap import main

NONE, ALL = "0" * 16, "000001ffffffffff"


def capabilities(*numbers):
    return "%016x" % sum(1 << n for n in numbers)


STARTS = capabilities(5, 6, 7, 8)       # KILL, SETGID, SETUID, SETPCAP
FILES = capabilities(0, 1, 3)           # CHOWN, DAC_OVERRIDE, FOWNER
# program: (uid, effective and permitted, bounding, ambient, no_new_privs, seccomp)
PROGRAMS = {
    "init": ("0", ALL, ALL, NONE, "0", "0"),
    "mvm-guest-agent": ("901", NONE, NONE, NONE, "1", "2"),
    # A shell of a root that the policy names inherits the bounding set, and no no_new_privs (vm/run).
    "mvm-starter": ("901", STARTS, ALL, STARTS, "0", "0"),
    "log-collector": ("0", FILES, FILES, NONE, "1", "2"),
}
# What each of the two that read foreign bytes may do of tests/vm/payload/tracer.c's table.
AGENT_MAY = {"getpid", "socket-vsock", "map-data"}
COLLECTOR_MAY = {"getpid", "map-data"}
# Files that the agent's user may open by their modes, and whether its rules let it.
FILES = {"/etc/passwd": True, "/proc/cmdline": True, "/sys/fs/cgroup/cgroup.controllers": True,
         "/bin/facts": False, "+/tmp/of-the-agent": False}
KERNEL = os.environ.get("FEATURES_KERNEL")


class Cage(cases.SharedBoot):
    options = {"kernel": KERNEL}

    @classmethod
    def prepare(cls, guest):
        guest.tree.copy(build.program("tracer"), "/bin/tracer")
        guest.tree.file("/etc/shadow", "root:*:::::::\n", mode=0o600)
        guest.busybox("sh", "sleep", "setsid", "cat", "true")
        # Both have started something by then: a check, a line.
        guest.integration("ok", health_cmd="echo >/tmp/checked", health_interval_secs=1)
        checked = "until [ -e /tmp/checked ]; do sleep 0.1; done; exec /bin/tracer "
        # A check that leaves its session, its process group and its parent.
        guest.integration("leaver", health_timeout_secs=1, health_interval_secs=3600,
                          health_cmd="setsid sh -c 'setsid sleep 1234 & setsid sleep 1234' & sleep 1234")
        # One that leaves somebody behind and succeeds.
        guest.integration("litter", health_interval_secs=3600, health_cmd="setsid sleep 4321 & true")
        for name, command in (
                ("status", "status " + " ".join(PROGRAMS)),
                ("agent-calls", "call mvm-guest-agent all"),
                ("collector-calls", "call log-collector all")):
            guest.service(name, checked + command, user="root", restart="never", type="oneshot")
        # A process has one tracer at a time.
        guest.service("agent-files", "/bin/tracer open mvm-guest-agent /etc/shadow " +
                      " ".join(FILES), user="root", restart="never", after="agent-calls")
        guest.service("sleepers", "for i in 0 1 2 3 4 5 6 7 8 9; do sleep 1; "
                      "for p in /proc/[0-9]*; do read -r l <$p/cmdline; case $l in "
                      "sleep*1234*|sleep*4321*) continue 2;; esac; done; echo none; break; done; "
                      "cd /sys/fs/cgroup/guest/mvm-guest-agent && for g in job-*; do echo group: $g; done; "
                      "echo done", user="root", restart="never", on_boot_delay="2s")

    @classmethod
    def observe(cls, machine):
        for line in ("status: tracer: done", "agent-calls: tracer: done",
                     "collector-calls: tracer: done", "agent-files: tracer: done",
                     "sleepers: done"):
            machine.console.rewind()
            machine.console.wait_line(line)
        cls.reports = protocol.until(
            lambda: protocol.integrations(machine),
            lambda r: r["leaver"]["health"]["detail"].startswith("timed out"))

    def test_what_each_program_is(self):
        lines = [l.split(" ", 2) for l in self.output.lines("status")]
        for name, (uid, caps, bounding, ambient, no_new_privs, seccomp) in PROGRAMS.items():
            with self.subTest(name):
                fields = {f: v.strip() for n, f, v in (l for l in lines if len(l) == 3) if n == name}
                self.assertEqual(fields["processes"], "1")
                self.assertEqual(fields["Uid"].split(), [uid] * 4)
                self.assertEqual((fields["CapEff"], fields["CapPrm"]), (caps, caps))
                self.assertEqual((fields["CapBnd"], fields["CapAmb"]), (bounding, ambient))
                self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), (no_new_privs, seccomp))

    def results(self, service, comm):
        return dict(l[len(comm) + 1:].split(": ", 1) for l in self.output.lines(service)
                    if re.match(comm + " .*: ", l))

    def check_calls(self, service, comm, may):
        results = self.results(service, comm)
        self.assertGreater(len(results), 20)
        self.assertEqual({c for c, r in results.items() if r == "ok"}, may)
        self.assertEqual({c for c, r in results.items() if r != "refused"}, may, results)

    def test_what_the_agent_cannot_call(self):
        self.check_calls("agent-calls", "mvm-guest-agent", AGENT_MAY)

    def test_what_the_collector_cannot_call(self):
        self.check_calls("collector-calls", "log-collector", COLLECTOR_MAY)

    def test_which_files_the_agent_can_open(self):
        results = self.results("agent-files", "mvm-guest-agent")
        self.assertEqual(results.pop("/etc/shadow"), "Permission denied")
        self.assertEqual(results, {path: "ok" if is_allowed or not KERNEL else "Permission denied"
                                   for path, is_allowed in FILES.items()})

    def test_both_go_on(self):
        """The calls were made in the middle of their work."""
        self.assertTrue(self.reports["ok"]["health"]["healthy"])
        self.assertEqual(len([l for l in self.output.init() if "mvm-guest-agent" in l]), 0)

    def test_who_leaves_its_session_ends_with_the_check(self):
        self.assertEqual(self.reports["leaver"]["health"]["detail"], "timed out after 1s")
        self.assertIn("none", self.output.lines("sleepers"))

    def test_one_cgroup_is_kept_for_the_next_check(self):
        """That of the check which runs each second, or its number would be high by now."""
        groups = self.output.facts("sleepers", "group")
        self.assertEqual(len(groups), 1, groups)
        self.assertLessEqual(int(groups[0].split("-")[1]), 4)


if __name__ == "__main__":
    main()
