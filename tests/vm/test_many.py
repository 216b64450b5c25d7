#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A hundred and a thousand services: all start, all crash at once, all end; PID 1 stays small."""
import cases
from rig.tap import main


class Many(cases.GuestCase):
    def test_a_hundred_services(self):
        """All start, one is restarted, all end; every line is shown."""
        guest = self.guest("squashfs")
        for i in range(99):
            guest.service("s%03d" % i, "/bin/facts echo here + sleep")
        guest.service("zz", "/bin/acts nap 300 + field /proc/1/status VmRSS: + /bin/facts exit 1")
        machine = self.boot(guest)
        self.wait_init(machine, "mvm-init .*: 100 of 100 services started")
        self.wait_init(machine, r"zz: exit code 1 .*restart in .*")
        self.wait_init(machine, r"zz: exit code 1 .*restart in .* \(number 2 in a row\)")
        output = self.output(machine)
        for i in range(99):
            self.assertEqual(output.lines("s%03d" % i), ["here"])
        self.assertLess(int(output.facts("zz", "field")[-1].split()[1]), 1024)
        self.end(machine)


class Thousand(cases.GuestCase):
    drops = True        # a thousand deaths at once are too many lines for a console

    def test_a_thousand_services(self):
        """All start; root kills every process but its own; all start again; the guest ends."""
        guest = self.guest("squashfs")
        guest.busybox("sh", "kill", "sleep", "wc")
        # Each run of a service adds eight bytes to a file.
        for i in range(1000):
            guest.service("s%03d" % i, "/bin/facts write /tmp/lives + sleep", log_file="/dev/null")
        wait = "while [ $(wc -c </tmp/lives) -lt %d ]; do sleep 0.3; done; /bin/acts field " \
               "/proc/1/status VmRSS: VmHWM:; "
        guest.service("boss", "sleep 1; %skill -9 -1; sleep 1; %sexec sleep 100000" % (
            wait % 8000, wait % 16000), user="root")
        machine = self.boot(guest, memory_mib=640)
        self.wait_init(machine, "mvm-init .*: 1001 of 1001 services started", timeout=200)
        machine.console.rewind()
        for _ in range(2):
            size = machine.console.wait_line(r"boss: field: VmHWM:\s*(\d+) kB", timeout=200)
            self.assertLess(int(size.group(1)), 4352)   # 4,284 with gcc 14
        self.end(machine, timeout=200)


if __name__ == "__main__":
    main()
