#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a service without root tries beside using things up, and what comes of it."""
import cases
from rig import build
from rig.tap import main


# What each try of payload/intruder.c gets from a service without root.
REFUSED = ("Operation not permitted", "Permission denied")
ABSENT = ("Function not implemented", "Address family not supported by protocol",
          "No such file or directory")
TRIES = {
    "af-alg": ABSENT, "af-packet": REFUSED, "agent-port": REFUSED,
    "ask-agent": ("Connection reset by peer",), "bpf": ABSENT, "cgroup": REFUSED, "clock": REFUSED,
    "console": REFUSED, "control": REFUSED, "data-port": ("Address in use",),
    "data-port-by-number": ("Address in use",), "descriptors-of-init": REFUSED,
    "device-node": REFUSED, "drive": REFUSED, "fanotify": ABSENT, "forced-buffer": REFUSED,
    "hard-link": REFUSED, "kernel-log": REFUSED, "keyring": ABSENT, "leave-cgroup": REFUSED,
    "low-port": REFUSED, "memory-of-init": REFUSED, "nice": REFUSED, "oom-score": REFUSED,
    "perf": REFUSED, "pidfd-of-init": REFUSED, "queue-to-init": REFUSED, "raw-socket": REFUSED,
    "read-memory-of-init": REFUSED, "real-time": REFUSED, "real-time-io": REFUSED, "run": REFUSED,
    "signal-init": REFUSED, "sysrq": ABSENT, "userfaultfd": ABSENT,
}


class Doors(cases.SharedBoot):
    """Each is tried once, by a service that shares its user with nobody."""

    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.tree.copy(build.program("intruder"), "/bin/intruder")
        guest.tree.file("/etc/shadow", "root:*:::::::\n", mode=0o600)
        guest.tree.directory("/etc/open", mode=0o1777)
        guest.service("a", "/bin/intruder all")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("a: intruder: over")

    def test_each_is_shut(self):
        said = dict(l.split(": ", 1) for l in self.output.facts("a", "intruder") if l != "over")
        self.assertEqual(sorted(said), sorted(TRIES))
        for name, answers in TRIES.items():
            self.assertIn(said[name], answers, name)


class Descriptors(cases.GuestCase):
    """
    Descriptors in messages for PID 1 whose last close(2) takes an hour: PID 1 must not be the one
    that has the last.
    """

    def check(self, name, end):
        guest = self.guest("squashfs")
        guest.tree.copy(build.program("intruder"), "/bin/intruder")
        guest.service("a", "/bin/intruder " + name, ready="notify", restart="never",
                      start_timeout="1h")
        machine = self.boot(guest)
        machine.console.wait_line(end)
        self.end(machine)

    def test_one(self):
        self.check("slow-descriptor", "a: intruder: over")

    def test_one_in_a_socket(self):
        self.check("nested-descriptor", "a: intruder: over")

    def test_many_at_the_end(self):
        self.check("many-descriptors", r"\[init\] mvm-guest-agent: .*|mvm-guest-agent: listening .*")


if __name__ == "__main__":
    main()
