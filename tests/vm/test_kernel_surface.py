#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel's surface for services: settings at boot, user namespaces, missing features."""
import re

import cases
from rig import build
from rig.tap import main

SETTINGS = {
    "user/max_user_namespaces": "0", "kernel/kptr_restrict": "2", "kernel/dmesg_restrict": "1",
    "fs/protected_hardlinks": "1", "fs/protected_symlinks": "1", "fs/protected_fifos": "2",
    "fs/protected_regular": "2", "kernel/shm_rmid_forced": "1", "dev/tty/ldisc_autoload": "0",
    "kernel/sem": "250\t32000\t32\t128", "kernel/msgmni": "128",
}
# Features that our kernel does not have at all; in a guest with another kernel the settings shut them.
ABSENT = ("/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/modules",
          "/proc/sys/kernel/modprobe", "/proc/sys/kernel/kexec_load_disabled",
          "/proc/sys/kernel/unprivileged_bpf_disabled")
# Where the kernel's text starts: on aarch64 with nokaslr, in Linux 6.1 and 6.12.
START, WORDS = {"x86_64": ("ffffffff81000000", ""),
                "aarch64": ("ffffffc008010000 ffffffc080010000", "nokaslr")}[build.GUEST_ARCH]


def add_looker(guest, **keys):
    guest.facts("looks", "cat " + " ".join("/proc/sys/" + name for name in SETTINGS), **keys)
    guest.tree.copy(build.program("attack"), "/bin/attack")
    guest.service("pointers", "/bin/acts field /proc/kallsyms " + START, user="root",
                  restart="never")
    guest.service("spaces", "/bin/attack user-namespace", restart="never")


class Shut(cases.SharedBoot):
    append = WORDS

    @classmethod
    def prepare(cls, guest):
        add_looker(guest)
        guest.facts("doors", "cat " + " ".join(ABSENT), user="root")

    @classmethod
    def observe(cls, machine):
        for line in ("looks: done", "spaces: attack: .* lets go", "doors: done", "pointers: field-end: .*"):
            machine.console.rewind()
            machine.console.wait_line(line)

    def test_settings(self):
        for name, value in SETTINGS.items():
            self.assert_line("looks", "/proc/sys/%s: %s" % (name, value))

    def test_no_user_namespace(self):
        self.assertRegex(self.output.lines("spaces")[0],
                         "attack: user-namespace: 0 then (No space left on device|.*permitted)")

    def test_doors_that_are_not_there(self):
        for path in ABSENT:
            self.assert_line("doors", "%s: %s: ENOENT" % (path, path))

    def test_no_address_of_the_kernel(self):
        self.assertEqual(self.output.lines("pointers"), ["field-end: ok"])


class Opened(cases.SharedBoot):
    """The recipe for browsers and containers, and the image's own settings."""

    append = WORDS

    @classmethod
    def prepare(cls, guest):
        add_looker(guest)
        guest.tree.file("/etc/mvm/init.ini", "[guest]\nuser_namespaces = yes\n[sysctl]\n"
                        "kernel.kptr_restrict = 0\nnet.core.somaxconn = 77\nno.such = 1\n")
        guest.facts("own", "cat /proc/sys/net/core/somaxconn")

    @classmethod
    def observe(cls, machine):
        for line in ("looks: done", "spaces: attack: .* lets go", "own: done", "pointers: field-end: .*"):
            machine.console.rewind()
            machine.console.wait_line(line)

    def test_user_namespaces(self):
        self.assertRegex(self.output.lines("spaces")[0], r"attack: user-namespace: [1-9]\d* then .*")
        value, = [l for l in self.output.lines("looks") if "max_user_namespaces" in l]
        self.assertRegex(value, r": [1-9]\d*$")

    def test_own_settings(self):
        self.assert_line("looks", "/proc/sys/kernel/kptr_restrict: 0")
        self.assertGreater(len(self.output.facts("pointers", "field")), 0)
        self.assert_line("own", "/proc/sys/net/core/somaxconn: 77")
        self.assert_line("looks", "/proc/sys/kernel/shm_rmid_forced: 1")

    def test_what_cannot_be_set_is_said(self):
        self.assert_init(re.escape("[sysctl]: cannot set no.such to '1': "
                                   "No such file or directory"))


if __name__ == "__main__":
    main()
