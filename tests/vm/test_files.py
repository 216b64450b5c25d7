#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mvm-probe cat, ls and cp, and what file requests may not do in a guest."""
import json
import os
import subprocess

import cases
from rig import build
from rig.tap import main

POLICY = {"access": {"debug_exec": True}, "profile": "dev"}
DEADLINE_S = 120


class Files(cases.SharedBoot):
    """One boot for all of it."""

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "mkfifo", "ln")
        guest.tree.file("/mnt/config/security-policy.json", json.dumps(POLICY))
        guest.tree.file("/etc/message", "hello\n")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def probe(self, *words):
        done = subprocess.run([build.built("mvm-probe"), *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=DEADLINE_S)
        return done.returncode, done.stdout, done.stderr

    def inside(self, script):
        """Has the user that file requests act as do something."""
        self.assertEqual(self.probe("run", self.machine.vsock_path, "--", "/bin/sh", "-c",
                                    script)[::2], (0, b""))

    def guest(self, path):
        return self.machine.vsock_path + ":" + path

    def copy_both_ways(self, size):
        data = os.urandom(size)
        here, back = (os.path.join(self.machine.directory, name) for name in ("here", "back"))
        with open(here, "wb") as f:
            f.write(data)
        self.assertEqual(self.probe("cp", here, self.guest("/tmp/there")), (0, b"", b""))
        self.assertEqual(self.probe("cp", self.guest("/tmp/there"), back), (0, b"", b""))
        with open(back, "rb") as f:
            self.assertTrue(f.read() == data)

    def test_copies_are_equal(self):
        for size in (0, 60000, 2000000):
            with self.subTest(size):
                self.copy_both_ways(size)
        self.assertNotIn(b".new", self.probe("ls", self.machine.vsock_path, "/tmp")[1])

    def test_cat_and_ls(self):
        path = self.machine.vsock_path
        self.assertEqual(self.probe("cat", path, "/etc/message"), (0, b"hello\n", b""))
        self.assertRegex(self.probe("ls", path, "/etc")[1], rb"file +6 +message\n")
        status, out, err = self.probe("cat", path, "/etc/nothing")
        self.assertEqual((status, out), (1, b""))
        self.assertIn(b"/etc/nothing: No such file or directory", err)

    def test_it_is_not_root(self):
        status, _, err = self.probe("cp", "/etc/hostname", self.guest("/etc/message"))
        self.assertNotEqual(status, 0)
        self.assertIn(b"ermission denied", err)
        self.assertEqual(self.probe("cat", self.machine.vsock_path, "/etc/message")[1], b"hello\n")

    def test_fifos_do_not_block(self):
        self.inside("mkfifo /tmp/fifo")
        status, _, err = self.probe("cat", self.machine.vsock_path, "/tmp/fifo")
        self.assertEqual(status, 1)
        self.assertIn(b"not a regular file", err)

    def test_denied_places_also_through_links(self):
        self.inside("ln -s /proc/1 /tmp/one; ln -s /mnt/config /tmp/config")
        for path in ("/proc/1/status", "/tmp/one/status", "/mnt/config/security-policy.json",
                     "/tmp/config/security-policy.json", "/run/mvm-secrets/x"):
            with self.subTest(path):
                status, out, err = self.probe("cat", self.machine.vsock_path, path)
                self.assertEqual((status, out), (1, b""))
                self.assertIn(b"file requests are not allowed there", err)


if __name__ == "__main__":
    main()
