#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest kernel: it has what microVMs need, and lacks what they are safer without."""
import collections
import re

from rig import build, images
from rig.minimal import MinimalGuest
from rig.boards import board
from rig.tap import main, x86_64_only


class Kernel(MinimalGuest):
    def test_listings(self):
        machine = self.facts(self.minimal(), "ls /proc /dev /proc/sys/kernel /sys/class/misc + "
                             "cat /proc/filesystems /proc/cgroups /proc/cmdline", uid=0)
        machine.console.wait_line("/proc/cmdline: .*")
        listed = machine.console.find(r"^ls: (\S+ \S+)$")
        for name in ("/dev hwrng", "/dev ptmx", "/dev " + board().console, "/proc config.gz",
                     "/proc/sys/kernel seccomp", "/proc/sys/kernel core_pattern"):
            self.assertIn(name, listed)
        for name in ("/proc/sys/kernel sysrq", "/proc modules", "/dev mem", "/dev port",
                     "/proc kcore"):
            self.assertNotIn(name, listed)
        systems = machine.console.find(r"^/proc/filesystems: (?:nodev)?\t(\S+)$")
        for name in ("ext4", "squashfs", "overlay", "tmpfs", "devtmpfs", "cgroup2", "mqueue",
                     "devpts", "proc", "sysfs"):
            self.assertIn(name, systems)
        controllers = machine.console.find(r"^/proc/cgroups: (\w+)\t.*\t1$")
        self.assertEqual(sorted(controllers), ["blkio", "cpu", "cpuset", "memory", "pids"])

    def test_squashfs_root_of_every_compression(self):
        for compression in ("lz4", "zstd", "xz", "gzip"):
            with self.subTest(compression):
                guest = self.minimal("squashfs")
                guest.tree.squashfs(guest.root_image(), compression)
                machine = self.facts(guest, "echo up")
                machine.console.wait_line("up")

    def test_ext4_with_options_of_older_tools(self):
        """mke2fs made such file systems years ago."""
        guest = self.minimal()
        guest.tree.ext4(guest.root_image(), options=[
            "-O", "^metadata_csum,^64bit,^orphan_file,^metadata_csum_seed"])
        machine = self.facts(guest, "echo up")
        machine.console.wait_line("up")
        self.assertNotIn("orphan_file", images.features(guest.root_image()))

    def test_devices_on_a_pci_bus(self):
        guest = self.minimal("squashfs")
        guest.drive("mvm-config", {"name": "on PCI"}, readonly=True)
        machine = self.facts(guest, "ls /sys/bus/acpi/drivers/vmgenid + net + "
                             "mount-read /dev/vdb ext4 name + vsock-echo 52", uid=0, pci=True)
        if build.GUEST_ARCH == "x86_64":
            machine.console.wait_line("ls: /sys/bus/acpi/drivers/vmgenid QEMUVGID:00")
        machine.console.wait_line("addr: eth0 172.16.0.2/24")
        machine.console.wait_line("mount-read: /dev/vdb name on PCI")
        machine.console.wait_line("vsock-echo: 52 listening")
        with machine.connect(52) as s:
            s.sendall(b"across the bus")
            self.assertEqual(s.recv(64), b"across the bus")
        machine.ctrl_alt_del()
        machine.console.wait_line(r"\[minimal\] ctrl-alt-del")
        self.assertEqual(machine.wait(), 0)

    def test_32_processors(self):
        """As many as Firecracker offers."""
        machine = self.facts(self.minimal(), "cat /sys/devices/system/cpu/possible", cpus=32)
        machine.console.wait_line("/sys/devices/system/cpu/possible: 0-31", timeout=180)

    @x86_64_only("ports are the devices of that architecture")
    def test_a_start_asks_little_of_the_vmm(self):
        """
        Each access to a port ends the guest's turn on the processor, and a character on the console
        takes two. Counted behind the last look at the timer, whose measuring is a loop.
        """
        guest = self.minimal()
        guest.tree.copy(build.program("first-instruction"), "/bin/first")
        log = guest.image_path("ports")
        machine = self.start(guest.machine(
            arguments="init=/bin/first idle=poll noapictimer", virtual_time=True, messages=False,
            port_log=log))
        machine.console.wait_line(r"first: \d+")
        machine.pull_plug()
        with open(log, encoding="utf-8") as f:
            accesses = re.findall(r"addr 0x(\w+) .*name '([^']*)'", f.read())
        last = max(i for i, (_, name) in enumerate(accesses) if name == "pit")
        ports = collections.Counter(name for address, name in accesses[last + 1:]
                                    if int(address, 16) < 0x10000)
        self.assertLess(ports["serial"], 260, ports)
        self.assertGreater(ports["serial"], 50, "nothing was counted")
        self.assertLessEqual(sum(ports.values()), 300, ports)
        # The one line is of a kernel that finds no PCI bus.
        self.assertLessEqual(len(machine.console.find(r"^\[ *\d+\.\d+\]")), 1)

    def test_kernel_log_is_not_for_everyone(self):
        machine = self.facts(self.minimal(), "read /dev/kmsg /proc/kmsg")
        machine.console.wait_line("read: /dev/kmsg EPERM")
        machine.console.wait_line("read: /proc/kmsg (EPERM|EACCES)")


if __name__ == "__main__":
    main()
