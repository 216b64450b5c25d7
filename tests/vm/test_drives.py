#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Roles of drives, and data that survives the next boot."""
import re
import struct

import cases
from rig import images
from rig.machine import Drive
from rig.tap import main

MOUNT_POINTS = ("/mnt/config", "/mnt/secrets", "/mnt/data")
RO, RW = True, False

# The root of a guest with a layer for its writes, as Firecracker's overlay-init makes it.
OVERLAY_INIT = """#!/bin/busybox sh
/bin/busybox mount -t ext4 /dev/vdb /overlay &&
/bin/busybox mkdir -p /overlay/root /overlay/work &&
/bin/busybox mount -t overlay -o lowerdir=/,upperdir=/overlay/root,workdir=/overlay/work none /mnt &&
cd /mnt && /bin/busybox mkdir -p rom && /bin/busybox pivot_root . rom &&
%s
exec /bin/busybox chroot . /init
"""


class Roles(cases.GuestCase):
    """
    Each drive has a file "name" with its own name. A test lists the guest's drives in order (name,
    label, read-only) and the names that it must find at the three mount points.
    """

    def boot_with(self, drives, root="ext4", **init_drives):
        guest = self.guest(root, agent=False)
        guest.network = False
        guest.facts("sees", "read %s + mountinfo" % " ".join(p + "/name" for p in MOUNT_POINTS),
                    user="root")
        if init_drives:
            guest.init_ini(drives=init_drives)
        for name, label, readonly in drives:
            if name is None:
                guest.blank_drive(readonly=readonly)
            else:
                guest.drive(label, {"name": name}, readonly)
        machine = self.boot(guest, arguments="init=/init")
        machine.console.wait_line("sees: done")
        return guest, self.output(machine)

    def names(self, output):
        """The names read at the mount points; "-" for none."""
        return [f.split()[-1] if " ok " in f else "-" for f in output.facts("sees", "read")]

    def roles(self, drives, expected, root="ext4", **init_drives):
        _, output = self.boot_with(drives, root, **init_drives)
        self.assertEqual(self.names(output), expected.split(), output.init())
        return output

    def test_by_label_in_any_order(self):
        output = self.roles([("d", "mvm-data", RW), ("s", "mvm-secrets", RO),
                             ("c", "mvm-config", RO)], "c s d", "squashfs")
        self.assertEqual(output.mounts("sees")["/mnt/data"][1], "/dev/vdb")
        self.assertEqual(output.mounts("sees")["/mnt/config"][1], "/dev/vdd")

    def test_by_position_config_secrets_data(self):
        output = self.roles([("1", None, RO), ("2", None, RO), ("3", None, RW)], "1 2 3")
        self.assertLess({"mounted config drive (vdb)", "mounted secrets drive (vdc)",
                         "mounted data drive (vdd)"}, set(output.init()))

    def test_by_position_config_data_secrets(self):
        """The other order that hosts use; their own init copies the data drive to memory here."""
        output = self.roles([("1", None, RO), ("2", None, RW), ("3", None, RO)], "1 3 2",
                            "squashfs")
        self.assertLess({"mounted config drive (vdb)", "mounted secrets drive (vdd)",
                         "mounted data drive (vdc)"}, set(output.init()))

    def over_an_overlay(self, hide):
        """Without labels: the layer for writes on vdb, then config and data."""
        guest = self.guest("squashfs", agent=False)
        guest.network = False
        guest.busybox()
        guest.tree.directory("/overlay").directory("/rom")
        guest.tree.file("/sbin/overlay-init", OVERLAY_INIT % hide, mode=0o755)
        guest.facts("sees", "read %s + mountinfo" % " ".join(p + "/name" for p in MOUNT_POINTS),
                    user="root")
        guest.drive(None, {"name": "upper"}, RW, size_mib=16)
        guest.drive(None, {"name": "c"}, RO)
        guest.drive(None, {"name": "d"}, RW)
        guest.drive("mvm-extra-0", {"name": "x"}, RW)
        machine = self.boot(guest, arguments="init=/sbin/overlay-init")
        machine.console.wait_line("sees: done")
        output = self.output(machine)
        self.assertEqual(self.names(output), ["c", "-", "d"], output.init())
        self.assertEqual([l for l in output.init() if "left over" in l],
                         ["drives left over: vde (label mvm-extra-0)"])

    def test_the_layers_of_an_overlay_are_no_drives(self):
        self.over_an_overlay("")

    def test_layers_that_cannot_be_seen_are_no_drives_either(self):
        self.over_an_overlay("/bin/busybox umount -l /rom &&")

    def test_labels_and_a_data_drive_without(self):
        self.roles([("c", "mvm-config", RO), ("d", None, RW), ("s", "mvm-secrets", RO)], "c s d")

    def test_a_fifth_drive_is_left_alone(self):
        output = self.roles([("c", "mvm-config", RO), ("s", "mvm-secrets", RO), ("d", None, RW),
                             ("x", None, RW)], "c s d", "squashfs")
        self.assertNotIn("/dev/vde", output.text.split("sees: mountinfo", 1)[1])

    def test_a_label_counts_on_any_drive(self):
        self.roles([("x", "mvm-nix", RO), ("y", "mvm-extra-1", RO), ("z", "other", RW),
                    ("d", "mvm-data", RW)], "- - d")

    def test_other_mvm_labels_have_no_role_by_position(self):
        self.roles([("x", "mvm-nix", RO), ("c", None, RO)], "- c -", "squashfs")

    def test_the_first_of_two_with_one_label(self):
        self.roles([("1", "mvm-data", RW), ("2", "mvm-data", RW)], "- - 1")

    def test_init_ini_decides(self):
        self.roles([("1", "mvm-data", RW), ("2", "mvm-config", RO), ("3", "mvm-secrets", RO)],
                   "3 2 1", "squashfs", config="/dev/vdd", secrets="/dev/vdc", data="/dev/vdb")

    def test_init_ini_names_a_device_that_is_not_there(self):
        output = self.roles([("c", "mvm-config", RO), ("d", "mvm-data", RW)], "c - -",
                            data="/dev/vdx")
        self.assertEqual([l for l in output.init() if "vdx" in l],
                         ["cannot mount /dev/vdx on /mnt/data: No such file or directory"])

    def test_no_drives(self):
        """A guest without drives is not an error."""
        output = self.roles([], "- - -")
        self.assertEqual([l for l in output.init() if "drive" in l or "mount" in l], [])

    def test_only_data(self):
        self.roles([("d", "mvm-data", RW)], "- - d", "squashfs")

    def test_blank_drives(self):
        """One clear line for each drive; the rest works."""
        output = self.roles([(None, None, RO), ("s", "mvm-secrets", RO), (None, None, RW)],
                            "- s -")
        self.assertEqual({l for l in output.init() if "drive" in l or "mount" in l}, {
            "cannot mount /dev/vdb on /mnt/config (no ext4 file system on it?): Invalid argument",
            "mounted secrets drive (vdc)",
            "cannot mount /dev/vdd on /mnt/data (no ext4 file system on it?): Invalid argument"})

    def test_a_data_drive_that_refuses_writes(self):
        output = self.roles([("d", "mvm-data", RO)], "- - -", "squashfs")
        lines = [l for l in output.init() if "vdb" in l]
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], "^cannot mount /dev/vdb on /mnt/data: "
                                   "(Permission denied|Read-only file system)$")

    def test_broken_file_system(self):
        guest = self.guest(agent=False)
        guest.facts("sees", "read /mnt/config/name /mnt/data/name", user="root")
        guest.drive("mvm-config", {"name": "c"}, readonly=True)
        path = guest.drive("mvm-data", {"name": "d"})
        with open(path, "r+b") as f:
            f.seek(1024 + 0x18)         # s_log_block_size
            f.write(b"\xff\xff\xff\xff")
        machine = self.boot(guest)
        machine.console.wait_line(r"\[init\] cannot mount /dev/vdc on /mnt/data.*")
        machine.console.wait_line("sees: read: /mnt/config/name ok c")
        machine.console.wait_line("sees: read: /mnt/data/name ENOENT")

    def test_what_this_kernel_cannot_mount(self):
        """The line has the kernel's own reason: a feature, or the size of the blocks."""
        guest = self.guest("squashfs", agent=False)
        guest.facts("sees", "echo here")
        plain = ("-O", "^metadata_csum")
        for label, at, number in (("mvm-config", 0x60, 1 << 30), ("mvm-data", 0x64, 1 << 30),
                                  ("mvm-secrets", 0x18, 6)):    # s_log_block_size: 64 KiB
            path = images.Tree().ext4(guest.image_path(label), label, 4, options=plain)
            with open(path, "r+b") as f:
                f.seek(1024 + at)
                old = struct.unpack("<I", f.read(4))[0]
                f.seek(1024 + at)
                f.write(struct.pack("<I", number if at == 0x18 else old | number))
            guest.drives.append(Drive(path, readonly=label != "mvm-data"))
        machine = self.boot(guest, append="mvm.workdir=/tmp/work mvm.datadir=/etc")
        machine.console.wait_line("sees: here")
        lines = self.output(machine).init()
        self.assertIn("cannot mount the host's share workdir on /tmp/work (the kernel has no "
                      "virtiofs): No such device", lines)
        self.assertIn("kernel command line: mvm.datadir: '/etc' is not allowed for a share", lines)
        lines = [l for l in lines if "cannot mount /dev" in l]
        for device, place, reason in (
                ("vdb", "/mnt/config", "unsupported optional features \\(40000000\\)"),
                ("vdc", "/mnt/data", "unsupported optional features \\(40000000\\)"),
                ("vdd", "/run/mvm/secrets-drive", "block ?size 65536")):
            self.assertEqual([bool(re.match("cannot mount /dev/%s on %s .*%s.*: Invalid argument" % (
                device, place, reason), l)) for l in lines].count(True), 1, lines)

    def test_image_without_mount_points(self):
        """A read-only root cannot get new mount points."""
        guest = self.guest("squashfs", agent=False)
        guest.tree.remove("/mnt")
        guest.facts("sees", "echo here")
        guest.drive("mvm-config", readonly=True)
        guest.drive("mvm-secrets", {"key": "s3cret"}, readonly=True)
        guest.drive("mvm-data")
        machine = self.boot(guest)
        machine.console.wait_line("sees: here")
        lines = {l for l in self.output(machine).init() if "mount" in l}
        self.assertEqual(lines, {
            "cannot mount /dev/vdb on /mnt/config (does the directory exist in the image?): "
            "No such file or directory",
            "cannot mount /mnt/secrets: No such file or directory",
            "cannot mount /dev/vdd on /mnt/data (does the directory exist in the image?): "
            "No such file or directory"})


class Data(cases.GuestCase):
    """The data drive, and an ext4 root, over several boots."""

    def prepare(self, root):
        guest = self.guest(root)
        guest.facts("keeps", "read /mnt/data/kept + write /mnt/data/kept /var/log/kept + "
                    "cat /etc/machine-id",
                    user="root")
        return guest, guest.drive("mvm-data")

    def test_a_file_system_grows_with_its_device(self):
        """At the next boot, and once; its files and its owner stay."""
        guest, data = self.prepare("squashfs")
        for boot, (size_mib, owner) in enumerate(((4, (900, 900)), (24, (900, 900)),
                                                  (24, (0, 7)))):
            if boot == 2:
                guest.init_ini(drives={"data_owner": "root:7"})
                guest._root_image = None
            with open(data, "r+b") as f:
                f.truncate(size_mib << 20)
            machine = self.boot(guest)
            machine.console.wait_line("keeps: done")
            self.assertEqual([l for l in self.output(machine).init() if "grow" in l],
                             ["data drive has grown to 24 MiB"] if boot == 1 else [])
            machine.ctrl_alt_del()
            self.assertEqual(machine.wait(), 0)
            images.check(data)
            self.assertEqual(images.size(data), size_mib << 20)
            self.assertEqual(images.owner(data, "/"), owner)
        self.assertEqual(images.read_file(data, "/kept"), b"written\n" * 3)

    def test_a_drive_that_is_somebody_elses_keeps_its_owner(self):
        guest = self.guest("squashfs", agent=False)
        guest.facts("sees", "echo here")
        data = guest.drive("mvm-data", {"something": "of root's"})
        machine = self.boot(guest)
        machine.console.wait_line("sees: here")
        machine.ctrl_alt_del()
        machine.wait()
        self.assertEqual(images.owner(data, "/"), (0, 0))

    def clean_reboot(self, root):
        guest, data = self.prepare(root)
        ids = []
        for boot in range(2):
            machine = self.boot(guest)
            machine.console.wait_line("keeps: read: /mnt/data/kept " +
                                      ("ok written" if boot else "ENOENT"))
            machine.console.wait_line("keeps: done")
            ids += self.output(machine).facts("keeps", "/etc/machine-id")
            machine.ctrl_alt_del()
            self.assertEqual(machine.wait(), 0)
            self.assertNotRegex(machine.console.text, "recover|orphan|EXT4-fs error|cannot unmount")
            self.assertEqual([e["data"]["reason"] for e in machine.events()
                              if e["event"] == "SHUTDOWN"], ["guest-reset"])
            self.assertTrue(images.is_clean(data))
            images.check(data)
        self.assertEqual(images.read_file(data, "/kept"), b"written\n" * 2)
        self.assertRegex(" ".join(ids), "^[0-9a-f]{32} [0-9a-f]{32}$")
        self.assertNotEqual(*ids)       # nor is it in the image
        return guest

    def test_clean_reboot_with_ext4_root(self):
        guest = self.clean_reboot("ext4")
        self.assertTrue(images.is_clean(guest.root_image()))
        images.check(guest.root_image())
        self.assertEqual(images.read_file(guest.root_image(), "/var/log/kept"), b"written\n" * 2)

    def test_clean_reboot_with_squashfs_root(self):
        self.clean_reboot("squashfs")

    def test_a_random_seed_is_counted_once(self):
        """A host that never makes a new one: the next boot mixes it in, and counts on nothing."""
        guest = self.guest("ext4")
        guest.drive("mvm-config", {"random-seed": "seed" * 128}, readonly=True)
        guest.facts("looks", "stat /var/lib/mvm/random-seed.used")
        for boot in range(2):
            machine = self.boot(guest)
            machine.console.wait_line("looks: done")
            output = self.output(machine)
            self.assertIn(" 100600 uid=0 ", output.facts("looks", "stat")[0])
            self.assertEqual(len([l for l in output.init() if l.startswith("random-seed ")]), boot)
            machine.ctrl_alt_del()
            machine.wait()
        self.assertRegex(images.read_file(guest.root_image(), "/var/lib/mvm/random-seed.used"),
                         b"^[0-9a-f]{16}\n$")

    def test_pulled_plug(self):
        """The next boot recovers a dirty data drive, and mounts a dirty config drive."""
        guest, data = self.prepare("ext4")
        machine = self.boot(guest)
        machine.console.wait_line("keeps: done")
        machine.pull_plug()
        self.assertFalse(images.is_clean(data))
        dirty = images.copy(data, guest.image_path("dirty.img"))
        machine = self.boot(guest)
        machine.console.wait(r"EXT4-fs \(vdb\): recovery complete")
        machine.console.wait_line(r"\[init\] mounted data drive \(vdb\)")
        machine.console.wait_line("keeps: done")
        machine.ctrl_alt_del()
        machine.wait()
        self.assertTrue(images.is_clean(data))
        guest.drives = [Drive(dirty, readonly=True)]
        guest.init_ini(drives={"config": "/dev/vdb"})
        guest._root_image = None
        machine = self.boot(guest)
        machine.console.wait_line(r"\[init\] mounted config drive \(vdb\)")
        machine.console.wait_line("keeps: done")


if __name__ == "__main__":
    main()
