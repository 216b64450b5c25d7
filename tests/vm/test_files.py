#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
mvm-probe cat, ls and cp, and what file requests may not do in a guest. FILES_MB in the environment is
the size of the large file.
"""
import json
import os
import re
import signal
import subprocess
import time

import cases
from rig import build
from rig.tap import main

POLICY = {"access": {"debug_exec": True}, "profile": "dev"}
DEADLINE_S = 900        # 20 MB take an emulated guest on a busy machine minutes
LARGE = int(os.environ.get("FILES_MB", "4")) * 1000000


class Files(cases.SharedBoot):
    """One boot for all of it."""

    options = {"memory_mib": 512}       # two large files in /tmp

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "mkfifo", "ln", "mkdir", "touch", "chmod", "rm")
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
        for size in (0, 1, 60000, 200001):
            with self.subTest(size):
                self.copy_both_ways(size)
        self.assertNotIn(b"mvm-copy", self.probe("ls", self.machine.vsock_path, "/tmp")[1])

    # ---- a large file, whole and broken off

    def here(self, name):
        return os.path.join(self.machine.directory, name)

    def wait_for(self, condition):
        """A state of a copy that goes on: there is nothing to wait for but itself."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), end)

    def broken_off(self, condition, *words):
        """Start a copy, and kill it when the condition holds."""
        process = subprocess.Popen([build.built("mvm-probe"), *words], stderr=subprocess.PIPE)
        self.wait_for(lambda: process.poll() is not None or condition())
        process.kill()
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL, "it was done before")

    def size_there(self, path):
        out = self.probe("ls", self.machine.vsock_path, os.path.dirname(path))[1].decode()
        found = re.search(r"file +(\d+) +%s$" % re.escape(os.path.basename(path)), out, re.M)
        return int(found[1]) if found else 0

    def test_a_large_file_both_ways_and_broken_off_half_way(self):
        data = os.urandom(LARGE)
        big, back = self.here("big"), self.here("back-big")
        with open(big, "wb") as f:
            f.write(data)
        with open(back, "w", encoding="ascii") as f:
            f.write("old\n")
        self.inside("echo old >/tmp/big")
        part = "/tmp/.big.mvm-copy"
        self.broken_off(lambda: self.size_there(part) > LARGE // 5, "cp", big, self.guest("/tmp/big"))
        self.assertEqual(self.probe("cat", self.machine.vsock_path, "/tmp/big")[1], b"old\n")
        left = self.size_there(part)
        self.assertGreater(left, LARGE // 5)
        # It goes on behind what is there: a mark in the middle of that would show otherwise.
        self.assertEqual(self.probe("cp", big, self.guest("/tmp/big")), (0, b"", b""))
        self.assertEqual((self.size_there("/tmp/big"), self.size_there(part)), (LARGE, 0))
        part = self.here(".back-big.mvm-copy")
        self.broken_off(lambda: os.path.exists(part) and os.path.getsize(part) > LARGE // 5,
                        "cp", self.guest("/tmp/big"), back)
        with open(back, encoding="ascii") as f:
            self.assertEqual(f.read(), "old\n")
        with open(part, "r+b") as f:
            f.seek(LARGE // 20)
            f.write(b"damaged")         # is found, and copied again
        self.assertEqual(self.probe("cp", self.guest("/tmp/big"), back), (0, b"", b""))
        with open(back, "rb") as f:
            self.assertTrue(f.read() == data)
        self.assertFalse(os.path.exists(part))
        self.inside("rm /tmp/big")

    def test_a_tree_with_modes_and_times(self):
        top = self.here("tree")
        os.makedirs(os.path.join(top, "a", "empty"))
        files = {"a/f": (b"1", 0o640, 1000000000), "a/x": (b"#!/bin/sh\n", 0o755, 5),
                 "g": (b"", 0o600, 1780000000)}
        for name, (data, mode, when) in files.items():
            path = os.path.join(top, name)
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, mode)
            os.utime(path, (7, when))
        os.symlink("a/f", os.path.join(top, "link"))
        os.symlink("a", os.path.join(top, "loop"))
        os.mkfifo(os.path.join(top, "fifo"))
        os.chmod(os.path.join(top, "a"), 0o2750)
        os.utime(os.path.join(top, "a"), (7, 1234567890))
        status, out, err = self.probe("cp", "-r", top + "/", self.guest("/tmp"))
        self.assertEqual((status, out), (1, b""))
        self.assertIn(b"loop: left out: a symbolic link to no file", err)
        self.assertIn(b"fifo: left out: neither a file nor a directory", err)
        back = self.here("back-tree")
        self.assertEqual(self.probe("cp", self.guest("/tmp/tree"), back), (0, b"", b""))
        for name, (data, mode, when) in {**files, "link": files["a/f"]}.items():
            path = os.path.join(back, name)
            with open(path, "rb") as f:
                self.assertEqual(f.read(), data)
            s = os.lstat(path)
            self.assertEqual((s.st_mode & 0o7777, int(s.st_mtime)), (mode, when), name)
        s = os.stat(os.path.join(back, "a"))
        self.assertEqual((s.st_mode & 0o777, int(s.st_mtime)), (0o750, 1234567890))
        self.assertEqual(sorted(os.listdir(back)), ["a", "g", "link"])
        self.inside("rm -r /tmp/tree")

    def test_through_a_link_at_the_destination(self):
        self.inside("mkdir /tmp/d; echo old >/tmp/d/f; ln -s d/f /tmp/to-f; ln -s d /tmp/to-d")
        source = self.here("one")
        with open(source, "w", encoding="ascii") as f:
            f.write("new\n")
        self.assertEqual(self.probe("cp", source, self.guest("/tmp/to-f"))[0], 0)
        self.assertEqual(self.probe("cp", source, self.guest("/tmp/to-d"))[0], 0)
        for name in ("f", "one"):
            self.assertEqual(self.probe("cat", self.machine.vsock_path, "/tmp/d/" + name)[1],
                             b"new\n")
        self.assertIn(b"symlink", self.probe("ls", self.machine.vsock_path, "/tmp")[1])

    def test_a_bar_on_a_terminal_alone(self):
        source = self.here("shown")
        with open(source, "wb") as f:
            f.write(b"x" * 500000)
        master, slave = os.openpty()
        done = subprocess.run([build.built("mvm-probe"), "cp", source, self.guest("/tmp/shown")],
                              stderr=slave, check=False, timeout=DEADLINE_S)
        os.close(slave)
        self.assertEqual(done.returncode, 0)
        shown = os.read(master, 65536).decode()
        os.close(master)
        self.assertRegex(shown, r"\[#+ +\] +40% of 488 KiB\r")
        self.assertRegex(shown, r"\[#{30}\] 100% of 488 KiB\r?\n")

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
