#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The other suites here rely on this: nothing done in a cell reaches the machine."""
import os
import socket
import time

import cell
from rig.tap import main


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Contained(cell.CellCase):
    def test_names_mounts_and_keys_are_its_own(self):
        watched = ["/proc/sys/kernel/ctrl-alt-del", "/proc/sys/kernel/hostname"]
        before = [read(p) for p in watched]
        guest = self.cell().init_ini(guest={"hostname": "cell-1"})
        guest.facts("web", "mountinfo + cat /proc/sys/kernel/hostname")
        guest.start().console.wait_line("web: done")
        self.assertIn("/run", self.output(guest).mounts("web"))
        self.assertNotIn("/cell-", read("/proc/self/mountinfo"))
        self.assertEqual([read(p) for p in watched], before)
        self.assertEqual(socket.gethostname(), before[1].strip())
        self.assertEqual(self.output(guest).facts("web", "/proc/sys/kernel/hostname"), ["cell-1"])
        self.end(guest)

    def test_the_kernels_switches_refuse(self):
        guest = self.cell()
        paths = ["/proc/sys/kernel/ctrl-alt-del", "/proc/sys/vm/drop_caches",
                 "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/threads-max"]
        guest.service("root", "/bin/acts %s + /bin/facts sleep" % " + ".join(
            "put %s 0" % p for p in paths), user="root")
        guest.start().console.wait_line("root: put: /proc/sys/kernel/threads-max .*")
        for line in self.output(guest).facts("root", "put"):
            self.assertRegex(line, " (Permission denied|Read-only file system|"
                                   "Operation not permitted)$")
        self.assertEqual(len(self.output(guest).facts("root", "put")), len(paths))

    def test_there_are_no_devices_but_harmless_ones(self):
        guest = self.cell()
        guest.facts("root", "ls /dev", user="root")
        guest.start().console.wait_line("root: done")
        names = {n for l in self.output(guest).facts("root", "ls") for n in l.split()[1:]}
        self.assertEqual(names - {"/dev"}, {
            "console", "fd", "full", "null", "pts", "random", "shm", "stderr", "stdin", "stdout",
            "urandom", "zero"})

    def test_its_end_ends_all_of_it_and_nothing_else(self):
        boot_id, clock = read("/proc/sys/kernel/random/boot_id"), time.clock_gettime(time.CLOCK_BOOTTIME)
        guest = self.cell()
        guest.facts("web", "daemon + echo here")
        guest.start().console.wait_line("web: done")
        self.assertGreater(len(guest.pids_of(".")), 2)
        namespace = os.readlink("/proc/%d/ns/pid" % guest.pid)
        self.end(guest)
        self.assertEqual(cell.processes_of(namespace), [])
        self.assertEqual(read("/proc/sys/kernel/random/boot_id"), boot_id)
        self.assertGreater(time.clock_gettime(time.CLOCK_BOOTTIME), clock)

    def test_it_dies_with_its_test(self):
        guest = self.cell()
        guest.facts("web", "stubborn")
        guest.start().console.wait_line("web: stubborn: .*")
        namespace = os.readlink("/proc/%d/ns/pid" % guest.pid)
        guest.close()
        guest.wait_until("its processes have gone", lambda: not cell.processes_of(namespace))


if __name__ == "__main__":
    main()
