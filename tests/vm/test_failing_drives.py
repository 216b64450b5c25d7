#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives that cannot be read, are cut short, or are not what they seem: each one line, the rest works."""
import os
import random
import re

import cases
import protocol
from rig import images
from rig.machine import Drive
from rig.tap import main

SUPERBLOCK = range(2, 4)        # sectors
NOISE = random.Random(1).randbytes(256 << 10)   # squashfs leaves it as it is, in blocks of its own
POLICY = '{"access": {"debug_exec": true}}' + " " * 5000


class FailingDrives(cases.GuestCase):
    def check_rest(self, machine):
        """What does not need the failing part runs, and the guest ends in order."""
        machine.console.rewind()
        machine.console.wait_line("web: done")
        self.assertEqual(protocol.until(lambda: protocol.ask(machine, "Ping"), bool), "Pong")
        self.end(machine)

    def assert_one_line(self, machine, regex):
        lines = self.output(machine).init()
        self.assertEqual(len([l for l in lines if re.fullmatch(regex, l)]), 1, "\n".join(lines))

    def assert_nothing_is_allowed(self, machine):
        """The image would allow everything, but the drive that is lost may say otherwise."""
        machine.console.wait_line("mvm-guest-agent: listening .*")
        machine.console.rewind()
        self.assertIn("Error", protocol.ask(machine, {"Exec": {"command": "true"}}))

    def test_files_that_cannot_be_read(self):
        """One file on each drive, two of the root."""
        guest = self.guest("ext4")
        guest.network = False
        guest.facts("web", "read /mnt/config/other /mnt/secrets/good /mnt/data/bad /mnt/data/good")
        guest.service("lost", "/bin/facts sleep")
        guest.service("broken", "/bin/broken", restart="never")
        guest.tree.file("/bin/broken", "#!/bin/facts echo\n" + "x" * 5000, mode=0o755)
        files = {"good": "yes", "bad": "x" * 5000}
        for label, more in (("mvm-config", {"security-policy.json": POLICY, "other": "c"}),
                            ("mvm-secrets", files), ("mvm-data", files)):
            tree = images.Tree()
            for name, content in more.items():
                tree.file("/" + name, content, mode=0o644)
            guest.drive(label, tree=tree, readonly=label != "mvm-data")
        machine = guest.machine()
        root = machine.drives[0].path
        machine.drives[0].bad_sectors = images.sectors(root, "/etc/mvm/services.d/lost.ini") + \
            images.sectors(root, "/bin/broken")
        for drive, path in zip(machine.drives[1:], ("/security-policy.json", "/bad", "/bad")):
            drive.bad_sectors = images.sectors(drive.path, path)
        self.start(machine)
        machine.console.wait_line("web: done")
        answer = protocol.ask(machine, {"Exec": {"command": "true"}})
        self.assertIn("Error", answer)
        self.check_rest(machine)
        for line in ("cannot read /etc/mvm/services.d/lost.ini: I/O error",
                     "broken: exec /bin/broken: I/O error, not started again",
                     "secret bad cannot be copied: I/O error"):
            with self.subTest(line):
                self.assert_one_line(machine, line)
        self.assertEqual(self.output(machine).lines("mvm-guest-agent")[1:], [
            "exec rejected: /mnt/config/security-policy.json: I/O error"])
        self.assertEqual(self.output(machine).facts("web", "read"), [
            "/mnt/config/other ok c", "/mnt/secrets/good ok yes", "/mnt/data/bad EIO",
            "/mnt/data/good ok yes"])

    def test_whole_drives_that_cannot_be_read(self):
        guest = self.guest("squashfs").agent_json(dev=True)
        guest.network = False
        guest.facts("web", "read /mnt/data/good")
        guest.tree.file("/bin/broken", NOISE, mode=0o755)
        guest.service("broken", "/bin/broken", restart="never")
        guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
        guest.drive("mvm-secrets", {"key": "s3cret"}, readonly=True)
        guest.drive("mvm-data", tree=images.Tree().file("/good", "yes"))
        machine = guest.machine()
        with open(machine.drives[0].path, "rb") as f:
            at = f.read().index(NOISE[:4096])
        machine.drives[0].bad_sectors = [(at + 65536) // 512]
        for drive in machine.drives[1:3]:
            drive.bad_sectors = SUPERBLOCK
        self.start(machine)
        self.assert_nothing_is_allowed(machine)
        self.check_rest(machine)
        self.assert_one_line(machine, "drive /dev/vdb cannot be read: I/O error")
        self.assert_one_line(machine, "drive /dev/vdc cannot be read: I/O error")
        self.assert_one_line(machine, "broken: exec /bin/broken: I/O error, not started again")
        self.assertEqual(self.output(machine).facts("web", "read"), ["/mnt/data/good ok yes"])

    def test_a_cut_drive_a_huge_secret_and_labels_twice(self):
        guest = self.guest("squashfs").agent_json(dev=True)
        guest.network = False
        guest.facts("web", "read /mnt/secrets/key /mnt/secrets/huge /mnt/data/good")
        config = guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
        os.truncate(config, os.path.getsize(config) // 2)
        tree = images.Tree().file("/key", "s3cret", mode=0o444)
        secrets = tree.ext4(guest.image_path("secrets.img"), "mvm-secrets", 2048)
        images.write_sparse(secrets, "/huge", 1900 << 20)
        images.write_sparse(secrets, "/large", 40 << 20)        # of 64 MiB that the guest has
        guest.drives.append(Drive(secrets, readonly=True))
        guest.drive("mvm-secrets", {"key": "not this"}, readonly=True)
        guest.drive("mvm-data", tree=images.Tree().file("/good", "yes", mode=0o444))
        guest.drive("mvm-data", {"good": "not this"})
        machine = self.start(guest.machine(memory_mib=64))
        self.assert_nothing_is_allowed(machine)
        self.check_rest(machine)
        for line in (r"cannot mount /dev/vdb on /mnt/config \(bad geometry.*\): Invalid argument",
                     "secret huge cannot be copied: No space left on device",
                     "secret large cannot be copied: No space left on device",
                     r"drives left over: vdd \(label mvm-secrets\), vdf \(label mvm-data\).*"):
            with self.subTest(line):
                self.assert_one_line(machine, line)
        self.assertEqual(self.output(machine).facts("web", "read"), [
            "/mnt/secrets/key ok s3cret", "/mnt/secrets/huge ENOENT", "/mnt/data/good ok yes"])

    def test_a_cut_root(self):
        """There is nothing to start: the kernel says why, and the machine ends."""
        guest = self.guest("squashfs")
        path = guest.root_image()
        os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)
        machine = guest.machine()
        machine.start()
        self.addCleanup(machine.close)
        machine.wait(60)
        self.assertRegex(machine.console.text, "Unable to mount root fs")


if __name__ == "__main__":
    main()
