#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The images that mkGuest makes, booted on a real kernel until they are healthy."""

import os
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request

import store
import tap

sys.path.insert(0, os.path.join(tap.ROOT, "tests", "vm"))

from rig import build  # noqa: E402  (found through the line above)
from rig.machine import ADDRESS, GATEWAY, Drive, Machine  # noqa: E402
from rig.tap import TestCase, main  # noqa: E402

# The host's own words for an image of mkGuest.
ARGUMENTS = f"rootwait init=/init net.ifnames=0 mvm.ip={ADDRESS}/24 mvm.gw={GATEWAY}"
HEALTHY_SECONDS = "300s"


class Boot(TestCase):
    @classmethod
    def setUpClass(cls):
        store.prepare(store.FIRST)

    def boot_guest(self, name):
        """Boots an attribute of guests.nix with a copy of its root; returns the machine."""
        output, error = store.build(name)
        self.assertIsNotNone(output, error)
        directory = tempfile.mkdtemp(prefix="nix-guest-")
        self.addCleanup(shutil.rmtree, directory)
        self.image = os.path.join(directory, "root")
        # Hosts look for this name, whatever the file system.
        shutil.copyfile(os.path.join(output, "rootfs.ext4"), self.image)
        self.squashfs = os.path.exists(os.path.join(output, "rootfs.squashfs"))
        return self.start(
            Machine(
                [Drive(self.image, readonly=self.squashfs)],
                kernel=os.path.join(output, "vmlinux"),
                append=ARGUMENTS,
                memory_mib=512,
                network=True,
            )
        )

    def probe(self, verb, machine, *arguments):
        command = [build.built("mvm-probe"), *arguments, verb, machine.vsock_path]
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
        )

    def wait_healthy(self, machine):
        done = self.probe("wait", machine, "--timeout", HEALTHY_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr + machine.console.tail())
        done = self.probe("status", machine, "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def get(self, machine, port, path="/"):
        address = f"http://127.0.0.1:{machine.forward(port)}{path}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode()

    def shut_down(self, machine):
        """Shuts down as a host does; the root file system is clean afterwards."""
        machine.ctrl_alt_del()
        machine.wait(60)
        self.assertNotIn("Kernel panic", machine.console.text)
        if not self.squashfs:
            done = tap.run(["e2fsck", "-fn", self.image])
            self.assertEqual(done.returncode, 0, done.stdout)
            head = tap.run(["dumpe2fs", "-h", self.image]).stdout
            self.assertNotIn("needs_recovery", head)

    def check_web(self, name):
        machine = self.boot_guest(name)
        self.wait_healthy(machine)
        status, text = self.get(machine, 8080)
        self.assertEqual(status, 200)
        self.assertIn("Directory listing", text)
        self.shut_down(machine)

    def test_documented_example(self):
        self.check_web("documented.default")

    def test_ext4(self):
        self.check_web("ext4")

    def test_squashfs(self):
        """With the runner, and all of its drives."""
        output, error = store.build("squash")
        self.assertIsNotNone(output, error)
        directory = tempfile.mkdtemp(prefix="nix-run-")
        self.addCleanup(shutil.rmtree, directory)
        data = os.path.join(directory, "data.img")
        for name, file, text in (("config", "mvm-env.env", "A=1\n"), ("secrets", "key", "k\n")):
            os.mkdir(os.path.join(directory, name))
            with open(os.path.join(directory, name, file), "w", encoding="utf-8") as f:
                f.write(text)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        asks = (
            f'mvm-probe wait --timeout {HEALTHY_SECONDS} "$MVM_VSOCK"'
            f" && curl -sf http://127.0.0.1:{port}/"
        )
        done = tap.run(
            [sys.executable, os.path.join(tap.ROOT, "runner", "mvm_run.py"), output]
            + ["--accel", "tcg", "--state", os.path.join(directory, "state")]
            + ["--config", os.path.join(directory, "config"), "--data", data + ":64M"]
            + ["--secrets", os.path.join(directory, "secrets"), "--publish", f"{port}:8080"]
            + ["--", "sh", "-c", asks]
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Directory listing", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^\[init\].* goodbye$")
        for drive in ("/mnt/config", "/mnt/secrets", "/mnt/data"):
            self.assertNotRegex(done.stdout, rf"(?m)^\[init\].*no .*{drive}")
        self.assertEqual(os.path.getsize(data), 64 << 20)
        self.assertEqual(tap.run(["e2fsck", "-fn", data]).returncode, 0)

    def check_everything(self, name):
        machine = self.boot_guest(name)
        console = machine.console
        for line in (
            r"report: id uid=1002\(second\) gid=70\(owner\) groups=70\(owner\),900\(app\)",
            r"report: pwd /srv umask 0?027 nofile 300",
            r"report: home /home/second second:owner 755",
            r"report: hello hello",
            r"report: hosts 1",
            r"report: home is writable",
            r"report: etc is not writable",
            r"report: private is private",
            r"report: env works",
            r"report: sysctl 1234 [1-9]\d*",
            r"greeting: it's from configData",
            r"worker: it's the \"worker\" ; # and 'co'",
        ):
            console.rewind()
            console.wait_line(line)
        report = self.wait_healthy(machine)
        self.assertIn("memory", json.dumps(report))
        status, text = self.get(machine, 8081)
        self.assertEqual(status, 200)
        self.assertIn("This page comes from a microVM.", text)
        self.assertEqual(re.findall(r"^\[init\] .*(?:fail|error|cannot).*$", console.text, re.M), [])
        self.shut_down(machine)

    def test_everything_ext4(self):
        self.check_everything("everything-ext4")

    def test_everything_squashfs(self):
        self.check_everything("everything-squash")


if __name__ == "__main__":
    tap.require_nix()
    main()
